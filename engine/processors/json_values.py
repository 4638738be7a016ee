"""JSON values that keep what JSON says: numbers as they are written, and every fault inside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

_DIGITS = 4000


class Number(str):
    """A number as its literal, so that 1.50 stays 1.50 and no digit is lost."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong inside a value that can be read all the same."""

    code: str
    key: str | None
    value: str | None
    message: str


class Decoder:
    """Decodes one value after the other; ``faults`` are those of the last."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._number,
            parse_int=self._number,
            parse_constant=self._constant,
        )

    def decode(self, text: str, start: int) -> tuple[Any, int]:
        """The value at ``start`` and where it ends. JSONDecodeError or RecursionError where there is none."""
        self.faults = []
        return self._decoder.raw_decode(text, start)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            members = {}
            for key, value in pairs:
                if key in members:
                    message = f'The object has the key "{key}" twice; keep one of the two.'
                    self.faults.append(Fault("column.duplicate", key, plain_text(value), message))
                else:
                    members[key] = value
        return members

    def _number(self, literal: str) -> Number:
        if len(literal) > _DIGITS:
            message = f"The number has {len(literal):,} characters; no field holds so many."
            self.faults.append(Fault("value.precision", None, literal[:100] + "…", message))
        return Number(literal)

    def _constant(self, name: str) -> str:
        message = f"{name} is not a number in JSON; write null or a number."
        self.faults.append(Fault("value.type", None, name, message))
        return name


def json_text(value: Any) -> str:
    """The value as JSON text, its numbers as they were written."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{encode_basestring(key)}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, str) and not isinstance(value, Number):
        return encode_basestring(value)
    return "null" if value is None else plain_text(value)


def plain_text(value: Any) -> str:
    """The value as the text of a cell: null is blank, objects and lists are JSON."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json_text(value)
