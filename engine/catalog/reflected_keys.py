"""What identifies a record of each table: the key people use, and the id the database gave it, where it gives one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.catalog.observed import Declared, ForeignKey, Table

_ID_KINDS: tuple[Literal["integer", "uuid"], ...] = ("integer", "uuid")


@dataclass(frozen=True, slots=True)
class Identity:
    """The key and the id of one table."""

    key: tuple[str, ...]
    id: str | None = None
    id_kind: Literal["integer", "uuid"] = "integer"


def find_identities(
    tables: dict[str, Table], kinds: dict[str, dict[str, Declared]], notes: list[str]
) -> dict[str, Identity]:
    """The identity of every table that has one; a table without any is noted."""
    named_with_others = {
        (key.table, column) for table in tables.values() for key in table.foreign_keys if len(key.columns) > 1
        for column in key.targets
    }  # fmt: skip
    found: dict[str, Identity] = {}
    for table in tables.values():
        identity = _identity(table, kinds[table.name], named_with_others)
        if identity is None:
            notes.append(f"{table.name} has no primary key and no unique one, so it is left out.")
        else:
            found[table.name] = identity
    return _without_circles(tables, found)


def _identity(
    table: Table, kinds: dict[str, Declared], named_with_others: set[tuple[str | None, str]]
) -> Identity | None:
    unique = _unique_key(table, kinds)
    if len(table.primary) == 1 and unique is not None:
        column = table.column(table.primary[0])
        is_own = column.gives_id and not any(column.name in key.columns for key in table.foreign_keys)
        kind = kinds[column.name].kind if column.name in kinds else None
        if is_own and (table.name, column.name) not in named_with_others:
            for id_kind in _ID_KINDS:
                if kind == id_kind:
                    return Identity(unique, column.name, id_kind)
    if table.primary and are_comparable(kinds, table.primary):
        return Identity(table.primary)
    return Identity(unique) if unique is not None else None


def are_comparable(kinds: dict[str, Declared], names: tuple[str, ...]) -> bool:
    """Whether all of these columns were taken over, and as kinds that can identify a record."""
    return all(name in kinds and kinds[name].kind not in ("json", "list") for name in names)


def _unique_key(table: Table, kinds: dict[str, Declared]) -> tuple[str, ...] | None:
    """The shortest unique set of columns that are never NULL and are not the primary key's; the first of equals."""
    sets = [
        names
        for names in table.uniques
        if not set(names) & set(table.primary)
        and are_comparable(kinds, names)
        and all(table.column(name).not_null for name in names)
    ]
    return min(sets, key=len, default=None)


def _without_circles(tables: dict[str, Table], identities: dict[str, Identity]) -> dict[str, Identity]:
    """Where keys name each other in a circle, a primary key is taken again where another was chosen over it."""
    found = dict(identities)
    for name, identity in identities.items():
        table = tables[name]
        circles = any(leads_to_itself(tables, found, name, key) for key in table.foreign_keys)
        if circles and identity.id is not None:
            found[name] = Identity(table.primary)
    return found


def leads_to_itself(
    tables: dict[str, Table], identities: dict[str, Identity], name: str, foreign_key: ForeignKey
) -> bool:
    """Whether a key of table ``name`` that names another record by ``foreign_key`` needs itself to be told."""
    if len(foreign_key.columns) != 1 or foreign_key.columns[0] not in identities[name].key:
        return False
    seen: set[str] = set()
    waiting = [foreign_key.table]
    while waiting:
        here = waiting.pop()
        if here == name:
            return True
        if here is None or here in seen or here not in identities:
            continue
        seen.add(here)
        waiting += [key.table for key in tables[here].foreign_keys if set(key.columns) & set(identities[here].key)
                    and len(key.columns) == 1]  # fmt: skip
    return False
