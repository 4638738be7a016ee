"""The tables of a PostgreSQL database as its system catalogs tell them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from engine.catalog.observed import Column, ForeignKey, Table

# No partitions (their parent is the table) and nothing an extension brought, such as spatial_ref_sys.
_TABLES = """
SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = coalesce(CAST(:schema AS text), current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND NOT EXISTS (
  SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
)
ORDER BY c.oid
"""
_COLUMNS = """
SELECT a.attrelid, a.attname, a.attnotnull OR t.typnotnull AS not_null, pg_get_expr(d.adbin, d.adrelid) AS made,
  CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END
    AS declared, a.attidentity <> '' AS numbered, a.attgenerated <> '' AS computed,
  ARRAY(
    SELECT enumlabel::text FROM pg_enum WHERE enumtypid IN (t.oid, t.typbasetype) ORDER BY enumsortorder
  ) AS labels
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY(:oids) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_NAMES = """ARRAY(SELECT attname::text FROM unnest({keys}) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute ON attrelid = {table} AND attnum = number ORDER BY place)"""
_CONSTRAINTS = f"""
SELECT conrelid, conname, contype::text, {_NAMES.format(keys="conkey", table="conrelid")} AS columns, confrelid,
  {_NAMES.format(keys="confkey", table="confrelid")} AS targets, pg_get_expr(conbin, conrelid) AS condition
FROM pg_constraint WHERE conrelid = ANY(:oids) AND contype IN ('p', 'f', 'c') ORDER BY conrelid, conname
"""
_UNIQUES = f"""
SELECT indrelid, {_NAMES.format(keys="indkey[0:indnkeyatts - 1]", table="indrelid")} AS columns FROM pg_index
WHERE indrelid = ANY(:oids) AND indisunique AND NOT indisprimary AND indpred IS NULL AND indexprs IS NULL
ORDER BY indexrelid
"""
_MAKES_ID = ("nextval(", "gen_random_uuid(", "uuid_generate_v")


def observe_postgresql(connection: sa.Connection, schema: str | None) -> list[Table]:
    """Every table of the schema, the current one where None is named; no views, partitions or tables of extensions."""
    names: dict[int, str] = {row.oid: row.relname for row in _rows(connection, _TABLES, schema=schema)}
    oids = list(names)
    columns: defaultdict[int, list[Column]] = defaultdict(list)
    primary: dict[int, tuple[str, ...]] = {}
    uniques: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
    foreign_keys: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    checks: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in _rows(connection, _COLUMNS, oids=oids):
        columns[row.attrelid].append(_column(row))
    for row in _rows(connection, _CONSTRAINTS, oids=oids):
        if row.contype == "p":
            primary[row.conrelid] = tuple(row.columns)
        elif row.contype == "f":
            target = names.get(row.confrelid)
            foreign_keys[row.conrelid].append(ForeignKey(tuple(row.columns), target, tuple(row.targets)))
        else:
            checks[row.conrelid].append((row.conname, row.condition))
    for row in _rows(connection, _UNIQUES, oids=oids):
        uniques[row.indrelid].append(tuple(row.columns))
    return [
        Table(
            name=name,
            columns=tuple(columns[oid]),
            primary=primary.get(oid, ()),
            uniques=tuple(uniques[oid]),
            foreign_keys=tuple(foreign_keys[oid]),
            checks=tuple(checks[oid]),
        )
        for oid, name in names.items()
    ]


def _rows(connection: sa.Connection, query: str, **asked: Any) -> sa.CursorResult[Any]:
    return connection.execute(sa.text(query), asked)


def _column(row: sa.Row[Any]) -> Column:
    return Column(
        name=row.attname,
        declared=row.declared,
        not_null=row.not_null,
        default=None if row.computed else row.made,
        gives_id=row.numbered or (row.made or "").startswith(_MAKES_ID),
        computed=row.computed,
        choices=tuple(row.labels),
    )
