"""What a database says of the tables of a catalog, read from its own system tables in few queries."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from engine.catalog.model import Catalog

_SQLITE_COLUMNS = """
SELECT m.name, x.name FROM {master} AS m, pragma_table_xinfo(m.name{schema}) AS x WHERE m.type IN ('table', 'view')
"""
_SQLITE_DEFINITIONS = """
SELECT tbl_name, sql FROM {master}
WHERE sql IS NOT NULL AND (type IN ('table', 'trigger') OR type = 'index' AND sql LIKE 'CREATE UNIQUE%')
"""
_POSTGRESQL_TABLES = """
SELECT n.nspname, c.relname, c.oid, n.nspname = current_schema() AS here FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = ANY(:tables) AND (n.nspname = current_schema() OR n.nspname = ANY(:schemas))
AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""
_POSTGRESQL_COLUMNS = """
SELECT attrelid, attname FROM pg_attribute WHERE attrelid = ANY(:oids) AND attnum > 0 AND NOT attisdropped
"""
_POSTGRESQL_DEFINITIONS = """
SELECT a.attrelid, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
  a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY(:oids) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT conrelid, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(:oids) AND contype IN ('p', 'u', 'f')
UNION ALL SELECT indrelid, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(:oids) AND indisunique AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)
UNION ALL SELECT tgrelid, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = ANY(:oids) AND NOT tgisinternal
"""


def columns_of(connection: sa.Connection, catalog: Catalog) -> dict[str, set[str]]:
    """The columns the database has for each entity; an entity without a table is not in the answer."""
    found: dict[str, set[str]] = {}
    rows = _sqlite(connection, catalog, _SQLITE_COLUMNS)
    for name, column in rows if _is_sqlite(connection) else _postgresql(connection, catalog, _POSTGRESQL_COLUMNS):
        found.setdefault(name, set()).add(column)
    return found


def definitions(connection: sa.Connection, catalog: Catalog) -> list[str]:
    """One line for every column, constraint, unique index and trigger of each entity, in no order.

    CHECKs are left out where they can be told apart: PostgreSQL words one anew each time it is rebuilt.
    """
    rows = _sqlite(connection, catalog, _SQLITE_DEFINITIONS)
    found = rows if _is_sqlite(connection) else _postgresql(connection, catalog, _POSTGRESQL_DEFINITIONS)
    return [f"{name}\t{definition}" for name, definition in found]


def _is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _sqlite(connection: sa.Connection, catalog: Catalog, query: str) -> Iterator[tuple[str, str]]:
    """Entity name and the second column of ``query``, for the rows about a table of the catalog."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    for schema in dict.fromkeys(entity.schema for entity in catalog.entities):
        names = {entity.table.lower(): entity.name for entity in catalog.entities if entity.schema == schema}
        place = "main" if schema is None else schema
        literal = "'" + place.replace("'", "''") + "'"
        asked = query.format(master=f"{quote(place)}.sqlite_master", schema=f", {literal}")
        for table, said in connection.exec_driver_sql(asked):
            if table.lower() in names:
                yield names[table.lower()], said


def _postgresql(connection: sa.Connection, catalog: Catalog, query: str) -> Iterator[tuple[str, str]]:
    """Entity name and the second column of ``query``, which asks for tables by their oids."""
    entities = {(entity.schema, entity.table): entity.name for entity in catalog.entities}
    schemas = [schema for schema, _ in entities if schema is not None]
    tables = connection.execute(
        sa.text(_POSTGRESQL_TABLES), {"tables": [table for _, table in entities], "schemas": schemas}
    )
    names: dict[int, str] = {}
    for schema, table, oid, here in tables:
        for place in (schema, None) if here else (schema,):
            if (place, table) in entities:
                names[oid] = entities[place, table]
    for oid, said in connection.execute(sa.text(query), {"oids": list(names)}):
        yield names[oid], said
