"""A catalog that is written says the same when it is read."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.loader import load_catalog, parse_catalog
from engine.catalog.model import Catalog, Entity, Field, Link, Reference, Rule, make_catalog
from engine.catalog.writer import to_toml
from engine.model import POLICIES

ROOT = Path(__file__).parents[2]
FILES = sorted([ROOT / "sample_data" / "catalog.toml", *(ROOT / "tests" / "catalogs").glob("*.toml")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_written_catalog_reads_the_same(path: Path) -> None:
    catalog = load_catalog(path)
    again = parse_catalog(to_toml(catalog), "")
    assert again.entities == catalog.entities
    assert again.digest == catalog.digest


def test_what_goes_without_saying_is_not_written() -> None:
    text = """\
format = 1
name = "Small"

[entity.city]
table = "city"
key = ["code"]
id = false

[entity.city.fields]
code = { type = "text", required = true }
area = { type = "decimal(12,2)", column = "km2" }

[entity."two words"]
table = "two words"
key = ["nr", "city"]

[entity."two words".fields]
nr = { type = "integer", required = true, minimum = "1" }
"its city" = { type = "reference", to = "city", column = "its city", headings = ["Place", "Town"] }
city = { type = "text", required = true }

[[entity."two words".links]]
name = "in"
fields = ["city"]
to = "city"

[[entity."two words".rules]]
name = "few"
check = "nr < 100"
message = "Too many."
"""
    assert to_toml(parse_catalog(text, "")) == text


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
texts = st.text(st.characters(codec="utf-8"), max_size=8)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Sound catalogs of entities with odd names, each referring only to those before it."""
    made: list[Entity] = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        made.append(draw(entities(name, made)))
    return make_catalog(draw(texts), tuple(made))


@st.composite
def entities(draw: st.DrawFn, name: str, before: list[Entity]) -> Entity:
    labels = draw(st.lists(names, min_size=2, max_size=6, unique=True))
    fields = [draw(fields_called(label, before)) for label in labels[1:]]
    key = Field(labels[0], labels[0], "text", required=True)
    ids = [None, *(text for text in ("id", "nr.") if text not in labels)]
    links = tuple(
        Link(f"link {number}", (key.name,), other.name, other.key)
        for number, other in enumerate(before)
        if draw(st.booleans())
    )
    rules = tuple(
        Rule(f"rule_{number}", field.name, draw(st.sampled_from(["<", "=="])), draw(texts), False, draw(texts) or "x")
        for number, field in enumerate(fields)
        if field.kind == "text" and draw(st.booleans())
    )
    return Entity(
        name=name,
        table=name,
        fields=(key, *fields),
        key=(key.name,),
        id=draw(st.sampled_from(ids)),
        id_kind=draw(st.sampled_from(["integer", "uuid"])),
        label=draw(texts),
        policy=draw(st.sampled_from(POLICIES)),
        sensitive=draw(st.booleans()),
        links=links,
        rules=rules,
    )


@st.composite
def fields_called(draw: st.DrawFn, name: str, before: list[Entity]) -> Field:
    plain = Field(
        name,
        name,
        "text",
        required=draw(st.booleans()),
        length=draw(st.none() | st.integers(1, 99)),
        choices=tuple(draw(st.lists(texts, max_size=3, unique=True))),
        label=draw(texts),
        description=draw(texts),
        example=draw(texts),
        sensitive=draw(st.booleans()),
        filled=draw(st.booleans()),
        unique=draw(st.booleans()),
    )
    if not before or draw(st.booleans()):
        return plain
    target = draw(st.sampled_from(before))
    column = target.id or target.key[0]
    by = draw(st.sampled_from([("key", "alias", "display"), ("key",)]))
    return replace(plain, kind="reference", length=None, choices=(), reference=Reference(target.name, column, by))


@given(catalogs())
def test_any_catalog_survives_being_written(catalog: Catalog) -> None:
    said = {word for entity in tomllib.loads(to_toml(catalog))["entity"].values() for word in entity}
    assert {"key", "fields"} <= said
    again = parse_catalog(to_toml(catalog), "")
    assert again.entities == catalog.entities
    assert again.digest == catalog.digest
