"""Single values written in a catalog: whether a text is of a field's kind, and which of two is greater."""

from __future__ import annotations

import json
import math
import re
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from engine.catalog.model import Field

_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def as_text(value: Any) -> str:
    """A TOML value as text in the field's own form: ``true``, ``2026-03-31``, ``12.5``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def parse(field: Field, text: str) -> Any:
    """The value ``text`` says, comparable with others of the field; ValueError where it is none.

    The error's text says what the field asks for: ``a date such as 2026-03-31``.
    """
    match field.kind:
        case "integer":
            return _whole(text)
        case "decimal":
            return _decimal(field, text)
        case "float":
            return _float(text)
        case "boolean":
            return _one_of(text, {"true": True, "false": False}, "true or false")
        case "date":
            return _made(date.fromisoformat, text, _DATE, "a date such as 2026-03-31")
        case "datetime":
            return _datetime(text)
        case "time":
            return _made(time.fromisoformat, text, _TIME, "a time such as 13:45:00")
        case "uuid":
            return _made(uuid.UUID, text, None, "a UUID such as 6f1c0d5e-8a3b-4c2d-9e7f-001122334455")
        case "json":
            return _made(json.loads, text, None, "JSON")
        case "list":
            return _list(text)
    return text


def _whole(text: str) -> int:
    value: int = _made(int, text, _WHOLE, "a whole number")
    if not -(2**63) <= value < 2**63:
        raise ValueError("a whole number between -2^63 and 2^63 - 1")
    return value


def _decimal(field: Field, text: str) -> Decimal:
    value: Decimal = _made(Decimal, text, _DECIMAL, "a number such as 12.50")
    if field.precision is None:
        return value
    scale = field.scale or 0
    if value != round(value, scale) or abs(value) >= Decimal(10) ** (field.precision - scale):
        raise ValueError(f"a number of at most {field.precision} digits, {scale} of them after the point")
    return value


def _float(text: str) -> float:
    value: float = _made(float, text, _FLOAT, "a number such as 12.5 or 1e-3")
    if math.isinf(value):
        raise ValueError("a number that a float can hold")
    return value


def _datetime(text: str) -> datetime:
    wanted = "a date and time with its zone, such as 2026-03-31T13:45:00+00:00"
    value: datetime = _made(datetime.fromisoformat, text, None, wanted)
    if value.tzinfo is None:
        raise ValueError(wanted)
    return value


def _list(text: str) -> list[str]:
    wanted = 'a JSON list of texts such as ["a", "b"]'
    value: list[str] = _made(json.loads, text, None, wanted)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(wanted)
    return value


def _made(make: Any, text: str, form: re.Pattern[str] | None, wanted: str) -> Any:
    if form is not None and not form.fullmatch(text):
        raise ValueError(wanted)
    try:
        return make(text)
    except (ValueError, ArithmeticError):
        raise ValueError(wanted) from None


def _one_of(text: str, values: dict[str, bool], wanted: str) -> bool:
    if text not in values:
        raise ValueError(wanted)
    return values[text]
