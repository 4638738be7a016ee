"""A catalog file is read, and whatever is wrong with it is told at its line."""

from pathlib import Path

import pytest

from engine.catalog.loader import load_catalog, parse_catalog
from engine.catalog.model import Entity, Field, Link, Reference, Rule
from engine.errors import CatalogError

SAMPLE = Path(__file__).parents[2] / "sample_data" / "catalog.toml"

SOUND = """\
format = 1
name = "Depots"

[entity.city]
id = false
key = ["country", "name"]

[entity.city.fields]
country = { type = "text" }
name = { type = "text", length = 80 }

[entity.depot]
table = "depots"
label = "Depot"
key = ["code"]
display = "title"
aliases = "also"
policy = "ask"
uniques = [["opened", "title"]]
sensitive = true

[entity.depot.fields]
code = { type = "integer", minimum = 1, maximum = 99, example = 7 }
title = { type = "text", choices = ["North", "South"], default = "North", headings = ["Name of depot"] }
also = { type = "list" }
opened = { type = "date", minimum = 1990-01-01 }
closed = { type = "date", filled = true }
area = { type = "decimal(12, 2)", unique = true }
country = { type = "text" }
city = { type = "text" }
parent = { type = "reference", to = "depot", acyclic = true, by = ["key", "display"] }

[[entity.depot.links]]
name = "stands_in"
fields = ["country", "city"]
to = "city"

[[entity.depot.rules]]
name = "closed_late"
check = "closed >= opened"
message = "It cannot close before it opens."
"""


def problems(text: str) -> list[tuple[int, str]]:
    """(line, message) of everything the loader says of a wrong catalog."""
    with pytest.raises(CatalogError) as caught:
        parse_catalog(text, "c.toml")
    found = []
    for line in str(caught.value).splitlines():
        file, number, message = line.split(":", 2)
        assert file == "c.toml"
        found.append((int(number), message.strip()))
    assert caught.value.line == found[0][0]
    return found


def changed(old: str, new: str) -> str:
    assert SOUND.count(old) == 1
    return SOUND.replace(old, new)


def test_every_word_is_read() -> None:
    catalog = parse_catalog(SOUND, "c.toml")
    assert (catalog.name, catalog.file, [entity.name for entity in catalog.entities]) == (
        "Depots",
        "c.toml",
        ["city", "depot"],
    )
    assert catalog.entity("city") == Entity(
        name="city",
        table="city",
        id=None,
        key=("country", "name"),
        fields=(
            Field("country", "country", "text", required=True),
            Field("name", "name", "text", required=True, length=80),
        ),
    )
    assert catalog.entity("depot") == Entity(
        name="depot",
        table="depots",
        label="Depot",
        key=("code",),
        display="title",
        aliases="also",
        policy="ask",
        uniques=(("opened", "title"),),
        sensitive=True,
        fields=(
            Field("code", "code", "integer", required=True, minimum="1", maximum="99", example="7"),
            Field("title", "title", "text", choices=("North", "South"), default="North", headings=("Name of depot",)),
            Field("also", "also", "list"),
            Field("opened", "opened", "date", minimum="1990-01-01"),
            Field("closed", "closed", "date", filled=True),
            Field("area", "area", "decimal", precision=12, scale=2, unique=True),
            Field("country", "country", "text"),
            Field("city", "city", "text"),
            Field(
                "parent",
                "parent_id",
                "reference",
                reference=Reference("depot", "id", by=("key", "display"), acyclic=True),
            ),
        ),
        links=(Link("stands_in", ("country", "city"), "city", ("country", "name")),),
        rules=(Rule("closed_late", "closed", ">=", "opened", True, "It cannot close before it opens."),),
    )


def test_a_reference_stores_the_id_or_the_key_of_its_target() -> None:
    text = """
format = 1
[entity.natural]
id = ""
key = ["code"]
[entity.natural.fields]
code = { type = "text", column = "natural_code" }
slug = { type = "text", unique = true }
[entity.numbered]
id = "nr"
key = ["code"]
[entity.numbered.fields]
code = { type = "text" }
[entity.x]
key = ["a"]
[entity.x.fields]
a = { type = "reference", to = "natural" }
b = { type = "reference", to = "numbered" }
c = { type = "reference", to = "natural", target_column = "slug", column = "sees" }
"""
    found = [(f.column, f.reference.column) for f in parse_catalog(text, "").entity("x").references if f.reference]
    assert found == [("a", "natural_code"), ("b_id", "nr"), ("sees", "slug")]


def test_the_digest_is_of_what_is_said_not_of_how() -> None:
    digest = parse_catalog(SOUND, "c.toml").digest
    spaced = SOUND.replace(" = ", "=").replace("\n\n", "\n# a remark\n\n")
    assert parse_catalog(spaced, "elsewhere.toml").digest == digest
    assert parse_catalog(changed("length = 80", "length = 81"), "c.toml").digest != digest
    assert parse_catalog(changed('label = "Depot"\n', ""), "c.toml").digest != digest


def test_the_sample_is_sound() -> None:
    assert [entity.name for entity in load_catalog(SAMPLE).entities] == [
        "organization",
        "person",
        "product",
        "order",
        "order_line",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("format = 1", "format = 2", [(1, "format 2 is not known; write format = 1.")]),
        ("format = 1", "", [(1, "the catalog lacks the word 'format'.")]),
        ('name = "Depots"', "nam = 'x'", [(2, "the catalog has the unknown word 'nam'. Did you mean 'name'?")]),
        (
            'label = "Depot"',
            'labl = "Depot"',
            [(14, "entity 'depot' has the unknown word 'labl'. Did you mean 'label'?")],
        ),
        ('key = ["code"]\n', "", [(12, "entity 'depot' lacks the word 'key'.")]),
        ('key = ["code"]', 'key = "code"', [(15, "key of entity 'depot' must be a list of texts.")]),
        (
            'key = ["code"]',
            'key = ["kode"]',
            [(15, "key of 'depot' names the unknown field 'kode'. Did you mean 'code'?")],
        ),
        ('display = "title"', 'display = "x"', [(16, "display of 'depot' names the unknown field 'x'.")]),
        ('aliases = "also"', 'aliases = "title"', [(17, "aliases of 'depot' must name a field of type list.")]),
        (
            'policy = "ask"',
            'policy = "updat"',
            [
                (
                    18,
                    "policy of entity 'depot' is 'updat', and must be of: skip, update, version, ask."
                    " Did you mean 'update'?",
                )
            ],
        ),
        (
            'uniques = [["opened", "title"]]',
            'uniques = [["opened"]]',
            [(19, "a single field is made unique by unique = true on the field itself.")],
        ),
        (
            'also = { type = "list" }',
            'also = { type = "lst" }',
            [
                (
                    25,
                    "'lst' is not a type. Did you mean 'list'? The types are text, integer, decimal, float,"
                    " boolean, date, datetime, time, uuid, json, list, reference.",
                )
            ],
        ),
        (
            'also = { type = "list" }',
            'also = "list"',
            [(25, "field 'also' must be a table, such as { type = \"text\" }.")],
        ),
        (
            'also = { type = "list" }',
            'also = { type = "list", length = 3 }',
            [(25, "field 'also' is of type list, which has no length.")],
        ),
        (
            'also = { type = "list" }',
            'also = { type = "list", default = "a; b" }',
            [(25, "field 'also': default 'a; b' is not a JSON list of texts such as [\"a\", \"b\"].")],
        ),
        (
            '{ type = "list" }',
            '{ type = "list", requird = true }',
            [(25, "field 'also' has the unknown word 'requird'. Did you mean 'required'?")],
        ),
        ("minimum = 1,", "minimum = 100,", [(23, "field 'code': minimum 100 is greater than maximum 99.")]),
        ("minimum = 1,", 'minimum = "one",', [(23, "field 'code': minimum 'one' is not a whole number.")]),
        ('default = "North"', 'default = "East"', [(24, "field 'title': default 'East' is not one of the choices.")]),
        (
            '["North", "South"]',
            '["North", "North"]',
            [(24, "field 'title': a choice stands twice.")],
        ),
        (
            "1990-01-01",
            '"1.1.1990"',
            [(26, "field 'opened': minimum '1.1.1990' is not a date such as 2026-03-31.")],
        ),
        (
            "decimal(12, 2)",
            "decimal(2, 12)",
            [(28, "field 'area': decimal(2,12) must have 0 to 2 digits after the point.")],
        ),
        (
            "length = 80",
            'pattern = "(?=x)"',
            [(10, "field 'name': the pattern is not one RE2 understands: invalid perl operator: (?=.")],
        ),
        (
            "length = 80",
            'pattern = "^[A-Z]+$", default = "x1"',
            [(10, "field 'name': default 'x1' does not have the form ^[A-Z]+$.")],
        ),
        ("length = 80", "length = 0", [(10, "length of field 'name' must be a whole number above 0.")]),
        ("area = {", 'area = { column = "also",', [(28, "field 'area' has the column 'also' of field 'also'.")]),
        ("area = {", 'area = { column = "id",', [(28, "field 'area' has the column 'id' of the id.")]),
        (
            "area = {",
            'area = { headings = ["name-of depot"],',
            [(28, "heading 'name-of depot' of field 'area' stands for field 'title' already.")],
        ),
        (
            "area = {",
            'area = { headings = ["Title"],',
            [(28, "heading 'Title' of field 'area' stands for field 'title' already.")],
        ),
        (
            'to = "depot"',
            'to = "dept"',
            [(31, "field 'parent' refers to the unknown entity 'dept'. Did you mean 'depot'?")],
        ),
        ('to = "depot", ', "", [(31, "field 'parent' is a reference and must say to which entity: to = \"...\".")]),
        (
            'to = "depot", acyclic = true, by = ["key", "display"]',
            'to = "city"',
            [
                (
                    31,
                    "field 'parent' refers to 'city', which has no id and a key of 2 fields: write a link over fields"
                    " of those values instead, [[entity.depot.links]].",
                )
            ],
        ),
        (
            'to = "depot", acyclic',
            'to = "depot", target_column = "opened", acyclic',
            [
                (
                    31,
                    "field 'parent': no two records of 'depot' may share its column 'opened'; make it unique or"
                    " refer to another.",
                )
            ],
        ),
        (
            'by = ["key", "display"]',
            'by = ["name"]',
            [(31, "by of field 'parent' is 'name', and must be of: key, alias, display.")],
        ),
        (
            'fields = ["country", "city"]',
            'fields = ["country", "cty"]',
            [(35, "link 'stands_in' names the unknown field 'cty'. Did you mean 'city'?")],
        ),
        (
            'fields = ["country", "city"]',
            'fields = ["country"]',
            [(35, "link 'stands_in' has 1 fields here and 2 there.")],
        ),
        (
            'fields = ["country", "city"]',
            'fields = ["country", "opened"]',
            [(35, "link 'stands_in': 'opened' is of type date and 'name' of type text.")],
        ),
        ('to = "city"', 'to = "town"', [(36, "link 'stands_in' refers to the unknown entity 'town'.")]),
        (
            'to = "city"',
            'to = "city"\ntarget_fields = ["name", "name"]',
            [(37, "link 'stands_in': name, name is neither the key of 'city' nor unique.")],
        ),
        (
            "closed >= opened",
            "closed > openend",
            [(40, "rule 'closed_late': 'openend' is not a field; a text stands in single quotes.")],
        ),
        ("closed >= opened", "clsed > opened", [(40, "rule 'closed_late': 'clsed' is not a field.")]),
        ("closed >= opened", "closed = opened", [(40, "rule 'closed_late': = is not one of < <= > >= == !=.")]),
        (
            "closed >= opened",
            "closed >= area",
            [(40, "rule 'closed_late': 'closed' is of type date and 'area' of type decimal.")],
        ),
        ("closed >= opened", "closed >= 7", [(40, "rule 'closed_late': '7' is not a date such as 2026-03-31.")]),
        (
            "closed >= opened",
            "also == 'x'",
            [(40, "rule 'closed_late': 'also' is of type list, which is not compared.")],
        ),
        (
            "closed >= opened",
            "__import__('os')",
            [
                (
                    40,
                    "rule 'closed_late': \"__import__('os')\" is not a comparison: write field, one of < <= > >= == !=,"
                    " and a field or value.",
                )
            ],
        ),
        ('table = "depots"', 'table = "city"', [(13, "'depot' has the table 'city' of 'city'.")]),
        (
            "[entity.depot]",
            "[entity.city]",
            [(12, "The file is not sound TOML: Cannot declare ('entity', 'city') twice.")],
        ),
        ("format = 1", "format = ", [(1, "The file is not sound TOML: Invalid value.")]),
    ],
)
def test_what_is_wrong_is_told_at_its_line(old: str, new: str, expected: list[tuple[int, str]]) -> None:
    assert problems(changed(old, new)) == expected


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = changed("length = 80", "length = -1").replace('label = "Depot"', "lable = 1").replace('"list"', '"lis"')
    assert [line for line, _ in problems(text)] == [10, 14, 25]


def test_odd_names_are_found_at_their_lines() -> None:
    text = (
        'format = 1\n\n[entity."Order Details"]\nkey = ["No."]\n[entity."Order Details".fields]\n"No." = { tpe = 1 }\n'
    )
    assert problems(text) == [
        (6, "field 'No.' has the unknown word 'tpe'. Did you mean 'type'?"),
        (6, "field 'No.' lacks the word 'type'."),
    ]


def cycle(**required: str) -> str:
    """Three entities in a ring: a → b → c → a."""
    text = "format = 1\n"
    for name, to in (("a", "b"), ("b", "c"), ("c", "a")):
        more = required.get(name, "required = true")
        text += f'[entity.{name}]\nkey = ["code"]\n[entity.{name}.fields]\ncode = {{ type = "text" }}\n'
        text += f'next = {{ type = "reference", to = "{to}", {more} }}\n'
    return text


def test_a_circle_in_which_nothing_may_be_blank_is_named() -> None:
    assert problems(cycle()) == [
        (
            6,
            "the records of a → b → c → a need each other, so none can be stored first: let one of these references be"
            " left blank (neither required nor in the key), such as 'next' of 'a'.",
        )
    ]
    assert parse_catalog(cycle(b="unique = true"), "").name == ""


def test_a_required_reference_to_its_own_entity_is_a_circle() -> None:
    text = changed("acyclic = true", "required = true")
    assert [(line, message[:42]) for line, message in problems(text)] == [
        (31, "the records of depot → depot need each oth")
    ]


def test_keys_that_name_each_other_are_a_circle() -> None:
    text = cycle(a="unique = true", b="unique = true", c="unique = true").replace('key = ["code"]', 'key = ["next"]')
    assert problems(text)[0][1].startswith("the records of a → b → c → a need each other")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    missing, folder, latin = tmp_path / "no.toml", tmp_path, tmp_path / "latin.toml"
    latin.write_bytes(b"format = 1\nname = 'caf\xe9'\n")
    expected = {
        missing: f"{missing}: There is no such catalog file.",
        folder: f"{folder}: The catalog cannot be read: Is a directory.",
        latin: f"{latin}:2: The catalog is not UTF-8 text: save it as UTF-8.",
    }
    for path, message in expected.items():
        with pytest.raises(CatalogError) as caught:
            load_catalog(path)
        assert str(caught.value) == message


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("\ufeff" + SOUND, encoding="utf-8")
    assert load_catalog(path).digest == parse_catalog(SOUND, "").digest
