"""What is found in a database nobody described to Portage, as plain values: tables, columns, keys and references."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.catalog.model import Kind

_PARTS = re.compile(r"\s*([^()\[\]]*)(?:\(\s*([0-9]+)\s*(?:,\s*(-?[0-9]+)\s*)?\)([a-zA-Z ]*))?(\[\])*")
_LONG_DECIMAL = re.compile(r"decimal_([0-9]+)_([0-9]+)_text")
"""How Portage declares a decimal that SQLite has to keep as text."""
_SMALLINT, _INTEGER = ("-32768", "32767"), ("-2147483648", "2147483647")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its declared type, and what the database does with it.

    ``default`` is the SQL of its default; ``gives_id`` says that the database numbers it by itself; ``computed`` that
    it cannot be written. ``choices`` are the labels of an enumerated type.
    """

    name: str
    declared: str
    not_null: bool = False
    default: str | None = None
    gives_id: bool = False
    computed: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that name a record of ``table`` by its ``targets``; ``table`` is None for one of another schema."""

    columns: tuple[str, ...]
    table: str | None
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``uniques`` are its unique constraints and whole unique indexes; ``checks`` are SQL by name."""

    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError if there is none."""
        for candidate in self.columns:
            if candidate.name == name:
                return candidate
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a declared type says; ``kind`` is None for one that Portage does not know."""

    kind: Kind | None
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    binary: bool = False
    zoneless: bool = False


def read_type(declared: str, *, loose: bool) -> Declared:
    """What the declared type says: by PostgreSQL's own names, or ``loose`` as SQLite takes any name."""
    match = _PARTS.fullmatch(declared)
    if match is None or match[5]:
        return Declared(None)
    name = " ".join(f"{match[1]} {match[4] or ''}".split()).lower()
    first, second = (None if part is None else int(part) for part in (match[2], match[3]))
    long = _LONG_DECIMAL.fullmatch(name)
    if loose and long:
        return Declared("decimal", int(long[1]), int(long[2]))
    found = _loose(name) if loose else _postgresql(name)
    if found.kind == "text" and "char" in name and first:
        return Declared("text", length=first)
    if found.kind == "decimal" and first is not None and 0 <= (second or 0) <= first <= 1000:
        return Declared("decimal", first, second or 0)
    return found


def _postgresql(name: str) -> Declared:
    match name:
        case "smallint":
            return Declared("integer", minimum=_SMALLINT[0], maximum=_SMALLINT[1])
        case "integer":
            return Declared("integer", minimum=_INTEGER[0], maximum=_INTEGER[1])
        case "timestamp without time zone":
            return Declared("datetime", zoneless=True)
        case "bytea":
            return Declared(None, binary=True)
    return Declared(_POSTGRESQL.get(name))


_POSTGRESQL: dict[str, Kind] = {
    "bigint": "integer",
    "numeric": "decimal",
    "real": "float",
    "double precision": "float",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "datetime",
    "time without time zone": "time",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
    "text": "text",
    "character varying": "text",
    "character": "text",
    "citext": "text",
    "name": "text",
}

_LOOSE: tuple[tuple[str, Kind | None], ...] = (
    ("point", None),
    ("uuid|guid|uniqueidentifier", "uuid"),
    ("json", "json"),
    ("list_text", "list"),
    ("bool", "boolean"),
    ("decimal|numeric|number|money", "decimal"),
    ("datetime|timestamp", "datetime"),
    ("^date$", "date"),
    ("^time$", "time"),
    ("int", "integer"),
    ("char|clob|text|string", "text"),
    ("real|floa|doub", "float"),
)
"""The first that is found in the name decides; where it says nothing else, by SQLite's own rules of affinity."""


def _loose(name: str) -> Declared:
    if re.search("blob|binary|image", name):
        return Declared(None, binary=True)
    return Declared(next((kind for part, kind in _LOOSE if re.search(part, name)), None))
