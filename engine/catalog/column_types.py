"""What each kind of field is stored as, and what the database itself checks of it.

SQLite keeps dates, times, UUIDs, JSON and long decimals as text. Their declared types say what the text is, so
that a reflected catalog is the same again; a name with TEXT in it has TEXT affinity, so that ``1.50`` stays ``1.50``
(https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
PostgreSQL has JSON and not JSONB, which would reorder members and drop spaces. A list is plain text everywhere:
it is compared in every import, and PostgreSQL's json has no equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.catalog.model import Entity, Field, Rule

EXACT_DIGITS = 15
"""Decimal digits a double holds without loss (IEEE 754 binary64, DBL_DIG)."""

_DIALECTS = ("sqlite", "postgresql")
_INCLUSIVE = ("<=", ">=", "==")
_NUMBERS = ("integer", "decimal", "float")


class StoredText(sa.types.UserDefinedType[str]):
    """A column declared as ``name`` whose values go in and come out as they are stored."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """The declared type."""
        return self.name


def column_type(field: Field) -> sa.types.TypeEngine[Any]:
    """The type of the column of an ordinary field, for both databases."""
    match field.kind:
        case "text" if field.length is not None:
            return sa.String(field.length)
        case "integer":
            return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
        case "decimal":
            return sa.Numeric(field.precision, field.scale).with_variant(_decimal(field), "sqlite")
        case "float":
            return sa.Double()
        case "boolean":
            return sa.Boolean()
        case "date":
            return sa.Date().with_variant(StoredText("DATE"), "sqlite")
        case "datetime":
            return sa.DateTime(timezone=True).with_variant(StoredText("DATETIME"), "sqlite")
        case "time":
            return sa.Time().with_variant(StoredText("TIME"), "sqlite")
        case "uuid":
            return sa.Uuid(as_uuid=False).with_variant(StoredText("UUID_TEXT"), "sqlite")
        case "json":
            return postgresql.JSON().with_variant(StoredText("JSON_TEXT"), "sqlite")
        case "list":
            return sa.Text().with_variant(StoredText("LIST_TEXT"), "sqlite")
    return sa.Text()


def _decimal(field: Field) -> StoredText:
    if field.precision is None:
        return StoredText("DECIMAL_TEXT")
    if _is_long(field):
        # Without brackets: SQLAlchemy would take a number in them for the length of a text, and fail on two.
        return StoredText(f"DECIMAL_{field.precision}_{field.scale or 0}_TEXT")
    return StoredText(f"NUMERIC({field.precision},{field.scale or 0})")


def _is_long(field: Field) -> bool:
    return field.kind == "decimal" and (field.precision is None or field.precision > EXACT_DIGITS)


def checks(table: sa.Table, entity: Entity) -> Iterator[tuple[str, sa.ColumnElement[bool], str]]:
    """Name, condition and dialect of everything the database checks of single records: choices, ranges and rules."""
    for item in entity.fields:
        if item.choices:
            allowed = [_literal(item, choice) for choice in item.choices]
            yield from ((f"{item.column}_choices", table.c[item.column].in_(allowed), name) for name in _DIALECTS)
        for word, operator, bound in (("minimum", ">=", item.minimum), ("maximum", "<=", item.maximum)):
            if bound is not None:
                rule = Rule(f"{item.column}_{word}", item.name, operator, bound, False, "")  # type: ignore[arg-type]
                yield from _comparisons(table, entity, rule)
    for rule in entity.rules:
        yield from _comparisons(table, entity, rule)


def _comparisons(table: sa.Table, entity: Entity, rule: Rule) -> Iterator[tuple[str, sa.ColumnElement[bool], str]]:
    """The rule as each database can hold it.

    SQLite compares long decimals as doubles and moments by the millisecond: there ``<`` could refuse what is right,
    while ``<=`` at worst lets pass what the import has checked already.
    """
    left = entity.field(rule.left)
    right = entity.field(rule.right) if rule.right_is_field else None
    for name in _DIALECTS:
        rounds = name == "sqlite" and any(
            item and (_is_long(item) or item.kind == "datetime") for item in (left, right)
        )
        if rounds and rule.operator not in _INCLUSIVE:
            continue
        sides = [table.c[left.column], table.c[right.column] if right else _literal(left, rule.right)]
        if rounds:
            sides = [sa.func.julianday(s) if left.kind == "datetime" else sa.cast(s, sa.REAL) for s in sides]
        if name == "postgresql" and left.kind == "text":
            # By code point, as Portage compares, and not by the language the database was made for.
            sides = [sa.collate(side, "C") for side in sides]
        operator = {"==": "=", "!=": "<>"}.get(rule.operator, rule.operator)
        yield rule.name, sides[0].bool_op(operator)(sides[1]), name


def _literal(field: Field, text: str) -> sa.ColumnElement[Any]:
    return sa.literal_column(literal(field, text))


def literal(field: Field, text: str) -> str:
    """``text``, a value of the field, as an SQL literal."""
    if field.kind in _NUMBERS or field.kind == "boolean":
        return text.removeprefix("+")
    return "'" + text.replace("'", "''") + "'"
