"""How a rule is written: ``field operator field-or-literal``, as ``shipped_on >= ordered_on``.

An operand is a bare word, a field name in double quotes (``"Order Date"``), or a literal in single
quotes (``'it''s'``), as in SQL. A number, date, time, ``true`` or ``false`` needs no quotes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import get_args, get_type_hints

from engine.catalog.model import Rule

OPERATORS: tuple[str, ...] = get_args(get_type_hints(Rule)["operator"])

_OPERAND = r"""("(?:[^"]|"")+"|'(?:[^']|'')*'|[^\s"'<>=!]+)"""
_CHECK = re.compile(rf"\s*{_OPERAND}\s*([<>=!]+)\s*{_OPERAND}\s*")
_PLAIN = re.compile(r"[+-]?\.?[0-9]|true$|false$")
_BARE = re.compile(r"""[^\s"'<>=!]+""")


def parse_check(check: str, fields: Collection[str]) -> tuple[str, str, str, bool]:
    """The left field, operator, right operand and whether that is a field; ValueError with the reason."""
    match = _CHECK.fullmatch(check)
    if match is None:
        raise ValueError(
            f"{check!r} is not a comparison: write field, one of {' '.join(OPERATORS)}, and a field or value"
        )
    left, operator, right = match.groups()
    if operator not in OPERATORS:
        raise ValueError(f"{operator} is not one of {' '.join(OPERATORS)}")
    if left.startswith("'") or (name := _unquote(left)) not in fields:
        raise ValueError(f"{_unquote(left)!r} is not a field")
    right_is_field = not right.startswith("'") and _unquote(right) in fields
    if not right_is_field and not right.startswith("'") and not _PLAIN.match(right):
        raise ValueError(f"{_unquote(right)!r} is not a field; a text stands in single quotes")
    return name, operator, _unquote(right), right_is_field


def write_check(rule: Rule, fields: Collection[str]) -> str:
    """The rule as :func:`parse_check` reads it back."""
    right = _name(rule.right) if rule.right_is_field else _literal(rule.right, fields)
    return f"{_name(rule.left)} {rule.operator} {right}"


def _literal(text: str, fields: Collection[str]) -> str:
    is_plain = _PLAIN.match(text) and _BARE.fullmatch(text) and text not in fields
    return text if is_plain else "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _unquote(operand: str) -> str:
    quote = operand[0]
    return operand[1:-1].replace(quote * 2, quote) if quote in "\"'" else operand
