"""What one cell says, where the whole column could not be read at once: a value, or a problem.

A reader takes the text of a cell without the blanks around it. It never guesses: where only one reading
is plausible but the text is not of the documented form, that reading is the problem's suggestion.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a cell has no value. ``message`` has the places ``{label}`` and ``{example}``."""

    code: str
    message: str
    suggestion: str | None = None


TRUE = ("true", "yes", "y", "t", "1")
FALSE = ("false", "no", "n", "f", "0")

_UUID = re.compile(r"(?:urn:uuid:)?\{?([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})\}?", re.I)
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NOT_BOOLEAN = "{label} is neither true nor false: write true or false, yes or no, or 1 or 0."
_NOT_UUID = "{label} is not a UUID: write 32 hexadecimal digits, for example {example}."
_NOT_JSON = "{label} is not sound JSON: write it like {example}."
_NOT_LIST = "{label} is not a list of texts: write a JSON list like {example}, or items with semicolons between them."
_NUL = "{label} holds a NUL character, which a database cannot store: delete it."


def read_boolean(text: str) -> bool | Problem:
    """True or False for the words of :data:`TRUE` and :data:`FALSE`, in any case."""
    word = text.lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    return Problem("value.type", _NOT_BOOLEAN, {"1.0": "true", "0.0": "false", "on": "true", "off": "false"}.get(word))


def read_uuid(text: str) -> str | Problem:
    """The UUID in lower case with hyphens; braces, capitals and ``urn:uuid:`` are other spellings of it."""
    found = _UUID.fullmatch(text)
    return str(uuid.UUID(found[1])) if found else Problem("value.type", _NOT_UUID)


def read_json(text: str) -> str | Problem:
    """The same JSON without blanks, names sorted; names given twice, NaN and numbers that would change are refused."""
    try:
        value = _parse_json(text)
        compact = _compact(value, sort=True)
    except _Unsound as unsound:
        return unsound.problem
    except (ValueError, RecursionError):
        return Problem("value.type", _NOT_JSON)
    return Problem("value.type", _NUL) if _ESCAPED_NUL.search(compact) else compact


def read_list(text: str) -> str | Problem:
    """A compact JSON list of strings, from a JSON list or from ``a; b``."""
    if not text.startswith("["):
        items = [item for part in text.split(";") if (item := part.strip())]
        return _list_text(items) if items else Problem("value.type", _NOT_LIST)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Problem("value.type", _NOT_LIST)
    if all(isinstance(item, str) for item in value):
        return _list_text(value)
    plain = all(isinstance(item, str | int) and not isinstance(item, bool) for item in value)
    return Problem("value.type", _NOT_LIST, _compact([str(item) for item in value]) if plain else None)


def _list_text(items: list[str]) -> str | Problem:
    try:
        return Problem("value.type", _NUL) if any("\0" in item for item in items) else _compact(items)
    except UnicodeEncodeError:
        return Problem("value.type", _NOT_LIST)


class _Unsound(ValueError):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object, parse_float=_exact_float, parse_constant=_refuse_constant)


def _compact(value: Any, *, sort: bool = False) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort, allow_nan=False)
    text.encode()  # A lone surrogate (\ud800) is JSON, but no database takes it.
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unsound(
            Problem("value.type", "{label} is JSON with one name given twice in one object: keep one of them.")
        )
    return found


def _exact_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")) or Decimal(repr(value)) != Decimal(text):
        raise _Unsound(
            Problem(
                "value.precision", "{label} is JSON with a number of too many digits: write it as a text, or round it."
            )
        )
    return value


def _refuse_constant(text: str) -> Any:
    raise _Unsound(
        Problem("value.type", "{label} is JSON with " + text + ", which is no JSON number: write null or a number.")
    )
