"""The catalog as tables of a database: made where they are missing, and compared with those that are there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from engine.catalog.column_types import checks, column_type, literal
from engine.catalog.model import Catalog, Entity, Field, stored
from engine.catalog.order import dependency_order
from engine.catalog.reported import columns_of, definitions
from engine.errors import CatalogError

_NAME_BYTES = 63
"""PostgreSQL cuts longer names, and two could become one."""

_SQLITE_UUID = (
    "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||"
    " substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"
)


def metadata(catalog: Catalog) -> sa.MetaData:
    """The tables of all entities, with their keys, uniques, references, checks and indexes, for both databases."""
    found = sa.MetaData()
    for entity in catalog.entities:
        _add_table(found, catalog, entity)
    for entity in catalog.entities:
        _add_references(found, catalog, entity)
    return found


def table_of(tables: sa.MetaData, entity: Entity) -> sa.Table:
    """The table of an entity in :func:`metadata`."""
    return tables.tables[entity.table if entity.schema is None else f"{entity.schema}.{entity.table}"]


def _add_table(tables: sa.MetaData, catalog: Catalog, entity: Entity) -> None:
    table = sa.Table(entity.table, tables, schema=entity.schema)
    if entity.id_kind == "integer" and entity.id is not None:
        # The log names records by id: one that was given may never be given again.
        table.dialect_options["sqlite"]["autoincrement"] = True
    for column in _columns(catalog, entity):
        table.append_column(column)
    for names in _uniques(entity):
        table.append_constraint(sa.UniqueConstraint(*names, name=_name("uq", entity.table, *names)))
    for name, condition, dialect in checks(table, entity):
        constraint = sa.CheckConstraint(condition, name=_name("ck", entity.table, name))
        table.append_constraint(constraint.ddl_if(dialect=dialect))


def _columns(catalog: Catalog, entity: Entity) -> Iterator[sa.Column[object]]:
    if entity.id is not None:
        yield _id_column(entity, entity.id)
    for item in entity.fields:
        made = item.filled and item.default is not None and item.reference is None
        is_primary = entity.id is None and item.name in entity.key
        kind = column_type(stored(catalog, item))
        if is_primary and isinstance(kind, sa.BigInteger):
            kind = sa.BigInteger()  # SQLite would number an INTEGER PRIMARY KEY that is left blank
        yield sa.Column(
            item.column,
            kind,
            primary_key=is_primary,
            autoincrement=False,
            nullable=not item.required and not made,
            server_default=sa.text(_escaped(literal(item, str(item.default)))) if made else None,
        )


def _id_column(entity: Entity, name: str) -> sa.Column[object]:
    kind = column_type(Field(name, name, entity.id_kind))
    if entity.id_kind == "integer":
        return sa.Column(name, kind, sa.Identity(), primary_key=True)
    return sa.Column(name, kind, primary_key=True, server_default=_MadeUuid())


class _MadeUuid(sa.sql.expression.ColumnElement[str]):
    """A new UUID, as each database makes one."""

    inherit_cache = True


@compiles(_MadeUuid)
def _made_uuid(_element: _MadeUuid, compiler: sa.Compiled, **_: object) -> str:
    return _SQLITE_UUID if compiler.dialect.name == "sqlite" else "gen_random_uuid()"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _uniques(entity: Entity) -> list[tuple[str, ...]]:
    """The columns of every set of fields that no two records share, the primary key left out."""
    sets = [] if entity.id is None else [entity.key]
    sets += [(item.name,) for item in entity.fields if item.unique and (item.name,) != entity.key]
    sets += entity.uniques
    return [tuple(entity.field(name).column for name in names) for names in dict.fromkeys(sets)]


def _add_references(tables: sa.MetaData, catalog: Catalog, entity: Entity) -> None:
    table = table_of(tables, entity)
    for columns, target, targets in _references(catalog, entity):
        other = table_of(tables, target)
        name = _name("fk", entity.table, *columns)
        # Columns as objects: a dot in a name would be read as table.column.
        table.append_constraint(sa.ForeignKeyConstraint(columns, [other.c[name] for name in targets], name=name))
    keys = [tuple(table.primary_key.columns.keys()), *_uniques(entity)]
    for columns in dict.fromkeys(columns for columns, _, _ in _references(catalog, entity)):
        # A key that begins with the same columns is an index of them already.
        if not any(key[: len(columns)] == columns for key in keys):
            sa.Index(_name("ix", entity.table, *columns), *(table.c[column] for column in columns))


def _references(catalog: Catalog, entity: Entity) -> Iterator[tuple[tuple[str, ...], Entity, tuple[str, ...]]]:
    """Own columns, target and its columns of every reference and link."""
    for item in entity.references:
        assert item.reference is not None
        yield (item.column,), catalog.entity(item.reference.to), (item.reference.column,)
    for link in entity.links:
        target = catalog.entity(link.to)
        own = tuple(entity.field(name).column for name in link.fields)
        yield own, target, tuple(target.field(name).column for name in link.target_fields)


def _name(*parts: str) -> str:
    """The parts as one name that no database cuts."""
    name = "_".join(parts)
    if len(name.encode()) <= _NAME_BYTES:
        return name
    end = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _NAME_BYTES - 9].decode(errors="ignore") + "_" + end


def create_missing(connection: sa.Connection, catalog: Catalog) -> list[str]:
    """Every table of the catalog stands; answers the names of those made now, in dependency order."""
    existing = columns_of(connection, catalog)
    missing = [entity for entity in dependency_order(catalog) if entity.name not in existing]
    if connection.dialect.name == "postgresql":
        for schema in dict.fromkeys(entity.schema for entity in missing if entity.schema):
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    tables = metadata(catalog)
    tables.create_all(connection, [table_of(tables, entity) for entity in missing], checkfirst=False)
    return [entity.table for entity in missing]


def check_fits(connection: sa.Connection, catalog: Catalog) -> None:
    """Nothing where the database has every table and column of the catalog; else CatalogError says what is missing."""
    existing = columns_of(connection, catalog)
    tables = [entity.table for entity in catalog.entities if entity.name not in existing]
    columns = [
        f"{entity.table}.{column}"
        for entity in catalog.entities
        for column in _expected(entity)
        if entity.name in existing and not _holds(connection, existing[entity.name], column)
    ]
    if tables or columns:
        missing = [*_listed("table", tables), *_listed("column", columns)]
        raise CatalogError(
            f"The database does not fit the catalog: it has no {' and no '.join(missing)}. "
            f"Correct the catalog, or create missing tables with init.",
            file=catalog.file,
        )


def _expected(entity: Entity) -> Iterable[str]:
    return [*([entity.id] if entity.id else []), *(item.column for item in entity.fields)]


def _holds(connection: sa.Connection, columns: set[str], column: str) -> bool:
    if connection.dialect.name == "sqlite":
        return column.lower() in {name.lower() for name in columns}
    return column in columns


def _listed(word: str, names: list[str]) -> list[str]:
    return [f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}"] if names else []


def fingerprint(connection: sa.Connection, catalog: Catalog) -> str:
    """The sha256 of what the database says now of the catalog's tables.

    It changes with any column, type, default, NOT NULL, unique, reference or trigger of theirs, and with nothing else.
    """
    digest = hashlib.sha256()
    for line in sorted(definitions(connection, catalog)):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
