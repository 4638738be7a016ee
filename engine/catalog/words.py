"""Every word a catalog file may hold, and what may stand behind it; docs/catalog.md explains each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from engine.catalog.model import Kind
from engine.model import POLICIES

FORMAT = 1
KINDS: tuple[Kind, ...] = get_args(Kind)
ORDERED: tuple[Kind, ...] = ("integer", "decimal", "float", "date", "datetime", "time")
"""Kinds whose values have a least and a greatest on every database alike."""

Shape = Literal["text", "yes or no", "a whole number above 0", "a list of texts", "a list of lists of texts", "a value",
                "a list of values", "a table", "a list of tables", "a text or false"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One word, what stands behind it, and the kinds of field it goes with (all, where empty)."""

    name: str
    shape: Shape
    required: bool = False
    kinds: tuple[Kind, ...] = ()
    one_of: tuple[str, ...] = ()


CATALOG = (
    Word("format", "a value", required=True),
    Word("name", "text"),
    Word("entity", "a table", required=True),
)
ENTITY = (
    Word("table", "text"),
    Word("schema", "text"),
    Word("label", "text"),
    Word("key", "a list of texts", required=True),
    Word("id", "a text or false"),
    Word("id_kind", "text", one_of=("integer", "uuid")),
    Word("display", "text"),
    Word("aliases", "text"),
    Word("policy", "text", one_of=POLICIES),
    Word("uniques", "a list of lists of texts"),
    Word("sensitive", "yes or no"),
    Word("fields", "a table", required=True),
    Word("links", "a list of tables"),
    Word("rules", "a list of tables"),
)
FIELD = (
    Word("type", "text", required=True),
    Word("column", "text"),
    Word("required", "yes or no"),
    Word("unique", "yes or no"),
    Word("length", "a whole number above 0", kinds=("text",)),
    Word("minimum", "a value", kinds=ORDERED),
    Word("maximum", "a value", kinds=ORDERED),
    Word("pattern", "text", kinds=("text",)),
    Word("choices", "a list of values", kinds=("text", *ORDERED, "uuid")),
    Word("default", "a value"),
    Word("label", "text"),
    Word("description", "text"),
    Word("example", "a value"),
    Word("headings", "a list of texts"),
    Word("sensitive", "yes or no"),
    Word("filled", "yes or no"),
    Word("to", "text", kinds=("reference",)),
    Word("target_column", "text", kinds=("reference",)),
    Word("by", "a list of texts", kinds=("reference",), one_of=("key", "alias", "display")),
    Word("acyclic", "yes or no", kinds=("reference",)),
)
LINK = (
    Word("name", "text", required=True),
    Word("fields", "a list of texts", required=True),
    Word("to", "text", required=True),
    Word("target_fields", "a list of texts"),
)
RULE = (
    Word("name", "text", required=True),
    Word("check", "text", required=True),
    Word("message", "text"),
)


def fits(word: Word, value: Any) -> bool:
    """Whether ``value``, as tomllib gives it, has the shape the word asks for."""
    match word.shape:
        case "text":
            return isinstance(value, str) and value != ""
        case "yes or no":
            return isinstance(value, bool)
        case "a whole number above 0":
            return isinstance(value, int) and not isinstance(value, bool) and value > 0
        case "a table":
            return isinstance(value, dict) and bool(value)
        case "a list of tables":
            return isinstance(value, list) and all(isinstance(item, dict) for item in value)
        case "a list of texts":
            return _texts(value)
        case "a list of lists of texts":
            return isinstance(value, list) and bool(value) and all(_texts(item) for item in value)
        case "a text or false":
            return isinstance(value, str) or value is False
        case "a value":
            return not isinstance(value, dict | list)
        case "a list of values":
            return isinstance(value, list) and bool(value) and not any(isinstance(item, dict | list) for item in value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?``, or nothing where no known word is near."""
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[found[0]]!r}?" if found else ""
