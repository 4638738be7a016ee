"""The tables of a SQLite database as it tells them itself (https://www.sqlite.org/pragma.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from engine.catalog.check_text import find_checks
from engine.catalog.observed import Column, ForeignKey, Table

_TABLES = """
SELECT l.name, l.wr, m.sql FROM pragma_table_list AS l JOIN {master} AS m ON m.name = l.name AND m.type = 'table'
WHERE l.type = 'table' AND l.schema = ? ORDER BY m.rowid
"""
_COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid'
_UNIQUES = """
SELECT i.name, x.name FROM pragma_index_list(?1, ?2) AS i, pragma_index_info(i.name, ?2) AS x
WHERE i."unique" AND NOT i.partial AND i.origin <> 'pk' ORDER BY i.seq DESC, x.seqno
"""
_FOREIGN_KEYS = """
SELECT id, "table" AS target, "from" AS own, "to" AS other FROM pragma_foreign_key_list(?, ?) ORDER BY id DESC, seq
"""


def observe_sqlite(connection: sa.Connection, schema: str | None) -> list[Table]:
    """Every table of the database, or of an attached one; no views, virtual tables or their shadows."""
    place = schema or "main"
    master = f"{connection.dialect.identifier_preparer.quote_identifier(place)}.sqlite_master"
    found = connection.exec_driver_sql(_TABLES.format(master=master), (place,)).all()
    names = {name.lower(): name for name, _, _ in found}
    tables = [_table(connection, place, name, bool(without_rowid), sql, names) for name, without_rowid, sql in found]
    return [_with_targets(table, {other.name: other for other in tables}) for table in tables]


def _table(
    connection: sa.Connection, place: str, name: str, without_rowid: bool, sql: str, names: dict[str, str]
) -> Table:
    rows = connection.exec_driver_sql(_COLUMNS, (name, place)).all()
    primary = tuple(row.name for row in sorted((row for row in rows if row.pk), key=lambda row: row.pk))
    return Table(
        name=name,
        columns=tuple(_column(row, primary, without_rowid) for row in rows),
        primary=primary,
        uniques=tuple(_uniques(connection, place, name)),
        foreign_keys=tuple(_foreign_keys(connection, place, name, names)),
        checks=tuple(find_checks(sql)),
    )


def _column(row: sa.Row[Any], primary: tuple[str, ...], without_rowid: bool) -> Column:
    is_rowid = primary == (row.name,) and row.type.upper() == "INTEGER" and not without_rowid
    makes_uuid = primary == (row.name,) and "randomblob" in (row.dflt_value or "").lower()
    return Column(
        name=row.name,
        declared=row.type,
        not_null=bool(row.notnull),
        default=row.dflt_value,
        gives_id=is_rowid or makes_uuid,
        computed=row.hidden in (2, 3),
    )


def _uniques(connection: sa.Connection, place: str, name: str) -> Iterator[tuple[str, ...]]:
    found: dict[str, list[str | None]] = {}
    for index, column in connection.exec_driver_sql(_UNIQUES, (name, place)):
        found.setdefault(index, []).append(column)
    for columns in found.values():
        whole = tuple(column for column in columns if column is not None)
        if len(whole) == len(columns):  # an index over an expression has a column without a name
            yield whole


def _foreign_keys(connection: sa.Connection, place: str, name: str, names: dict[str, str]) -> Iterator[ForeignKey]:
    found: dict[int, list[sa.Row[Any]]] = {}
    for row in connection.exec_driver_sql(_FOREIGN_KEYS, (name, place)):
        found.setdefault(row.id, []).append(row)
    for rows in found.values():
        targets = tuple(row.other for row in rows if row.other is not None)
        target = names.get(rows[0].target.lower(), rows[0].target)
        yield ForeignKey(tuple(row.own for row in rows), target, targets)


def _with_targets(table: Table, tables: dict[str, Table]) -> Table:
    """The table with its references spelled as their targets are; one that names no columns means the primary key."""
    found = []
    for key in table.foreign_keys:
        target = tables.get(key.table or "")
        spelled = {column.name.lower(): column.name for column in target.columns} if target else {}
        targets = tuple(spelled.get(name.lower(), name) for name in key.targets)
        found.append(ForeignKey(key.columns, key.table, targets or (target.primary if target else ())))
    return Table(table.name, table.columns, table.primary, table.uniques, tuple(found), table.checks)
