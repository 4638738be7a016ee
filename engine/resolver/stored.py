"""Reads what is stored of an entity, as far as references and keys need it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, Field
from engine.catalog.text import arrow_type
from engine.dialects.records import SEPARATOR, Joins, Records
from engine.resolver.lookup import Names


def stored_names(
    connection: sa.Connection, records: Records, entity: Entity, column: str | None
) -> tuple[Names, pa.Array]:
    """Every stored record's key, display name and aliases, and the value of ``column`` a reference would store.

    Memory: about the length of these texts. ``column`` None answers nulls for the values.
    """
    joins = Joins()
    selected = [records.key_text(entity, "t", joins)]
    selected += [_text_or_null(records, entity, name, joins) for name in (entity.display, entity.aliases)]
    selected.append(f"t.{records.quote(column)}" if column else "NULL")
    value = value_type(records.catalog, entity, column)
    schema = pa.schema([("key", pa.string()), ("display", pa.string()), ("aliases", pa.string()), ("value", value)])
    table = _read(connection, records, entity, selected, joins, schema)
    key, display, aliases, values = (table.column(i).combine_chunks() for i in range(4))
    return Names(key, display, aliases), values


def stored_texts(connection: sa.Connection, records: Records, entity: Entity, fields: Sequence[Field]) -> pa.Table:
    """The canonical texts of some fields of every stored record, one column each, and its key as the last column."""
    joins = Joins()
    selected = [records.field_text(item, "t", joins) for item in fields]
    selected.append(records.key_text(entity, "t", joins))
    schema = pa.schema([(f"c{place}", pa.string()) for place in range(len(selected))])
    return _read(connection, records, entity, selected, joins, schema)


def stored_identities(connection: sa.Connection, records: Records, entity: Entity, fields: Sequence[str]) -> pa.Array:
    """What every record stores in these fields, as one text each; null where one of them is null."""
    parts = [
        records.dialect.text(records.column("t", item), records.stored_field(item))
        for item in map(entity.field, fields)
    ]
    schema = pa.schema([("identity", pa.string())])
    return _read(connection, records, entity, [f" || {SEPARATOR} || ".join(parts)], Joins(), schema)[0].combine_chunks()


def value_type(catalog: Catalog, entity: Entity, column: str | None) -> pa.DataType:
    """The Arrow type of what a reference to ``entity`` stores."""
    if column is None or (column == entity.id and entity.id_kind == "integer"):
        return pa.int64()
    if column == entity.id:
        return pa.string()
    target = next(item for item in entity.fields if item.column == column)
    if target.reference:
        return value_type(catalog, catalog.entity(target.reference.to), target.reference.column)
    return arrow_type(target)


def _text_or_null(records: Records, entity: Entity, name: str | None, joins: Joins) -> str:
    return records.field_text(entity.field(name), "t", joins) if name else "NULL"


def _read(
    connection: sa.Connection, records: Records, entity: Entity, selected: list[str], joins: Joins, schema: pa.Schema
) -> pa.Table:
    sql = f"SELECT {', '.join(selected)} FROM {records.table(entity)} AS t {joins}"
    return pa.Table.from_batches(records.dialect.read(connection, sql, schema), schema)
