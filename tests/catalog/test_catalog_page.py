"""docs/catalog.md says what the loader knows, and its examples hold."""

import re
from pathlib import Path

import pytest

from engine.catalog.loader import parse_catalog
from engine.catalog.rule_text import OPERATORS, parse_check
from engine.catalog.words import CATALOG, ENTITY, FIELD, KINDS, LINK, RULE, Word

PAGE = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text from a heading to the next."""
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}", 1)[1])[0]


def listed(heading: str) -> dict[str, bool]:
    """The words in the first column of a section's table, and whether the row says Required."""
    found: dict[str, bool] = {}
    for cells, said in re.findall(r"^\| (`[^|]*`) \|(.*)$", section(heading), re.MULTILINE):
        for name in re.findall(r"`(.*?)`", cells):
            # Of [[entity.NAME.links]] the last word, of [entity.NAME] the first.
            found[re.sub(r"^\[+(?:entity\.NAME\.)?(\w+).*", r"\1", name)] = "Required." in said
    return found


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("The file", CATALOG),
        ("An entity: `[entity.NAME]`", ENTITY),
        ("A field", FIELD),
        ("A link: `[[entity.NAME.links]]`", LINK),
        ("A rule: `[[entity.NAME.rules]]`", RULE),
    ],
)
def test_the_page_lists_every_word_and_no_other(heading: str, words: tuple[Word, ...]) -> None:
    assert listed(heading) == {word.name: word.required for word in words}


def test_the_page_names_every_type_operator_and_choice() -> None:
    types = {re.sub(r"\(.*", "", name) for name in listed("Types")}
    assert types == set(KINDS)
    assert all(f"`{operator}`" in section("A rule: `[[entity.NAME.rules]]`") for operator in OPERATORS)
    assert all(f"`{choice}`" in PAGE for word in ENTITY for choice in word.one_of)


def test_the_examples_are_sound() -> None:
    whole = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert [len(parse_catalog(text, "docs/catalog.md").entities) for text in whole] == [2]
    fields = {"shipped_on", "ordered_on", "Order Date", "Shipped Date", "quantity", "status"}
    checks = re.findall(r"^    (.* (?:>=|<|>|!=) .*)$", section("A rule: `[[entity.NAME.rules]]`"), re.MULTILINE)
    assert [parse_check(check, fields)[2] for check in checks] == ["ordered_on", "Shipped Date", "0", "it's cancelled"]
