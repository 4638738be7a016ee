"""PostgreSQL: rows are staged by binary COPY into temporary tables of the transaction's own connection."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv
import sqlalchemy as sa

from engine.catalog.model import Entity, Field
from engine.catalog.text import to_text
from engine.database import connected, writer
from engine.dialects.quoting import literal, quoted, table_name


class PostgreSQLStage:
    """Temporary tables that end with the transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def load(self, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """See :class:`engine.dialects.port.Stage`."""
        from pgpq import ArrowToPostgresBinaryEncoder  # not needed to look at a plan

        staged = pa.schema([(f.name, _staged_type(f.type)) for f in schema])
        encoder = ArrowToPostgresBinaryEncoder(staged)
        columns = ", ".join(f'"{c.name}" {c.data_type.ddl()}' for c in encoder.schema().columns)
        self._connection.exec_driver_sql(f'CREATE TEMPORARY TABLE "{table}" ({columns}) ON COMMIT DROP')
        cursor = self._connection.connection.cursor()
        with cursor.copy(f'COPY "{table}" FROM STDIN WITH (FORMAT BINARY)') as copy:
            copy.write(encoder.write_header())
            for batch in batches:
                copy.write(encoder.write_batch(_staged(batch, staged)))
            copy.write(encoder.finish())
        # No primary key, unlike what the port says: rows are staged in their order, and joined by hashing.
        self._connection.exec_driver_sql(f'ANALYZE "{table}"')

    def name(self, table: str) -> str:
        """See :class:`engine.dialects.port.Stage`."""
        return f'pg_temp."{table}"'

    def create(self, connection: sa.Connection, table: str, columns: str) -> None:
        """See :class:`engine.dialects.port.Stage`."""
        connection.exec_driver_sql(f'CREATE TEMPORARY TABLE "{table}" ({columns}) ON COMMIT DROP')

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The transaction the stage was loaded in."""
        yield self._connection


def _staged_type(kind: pa.DataType) -> pa.DataType:
    """PostgreSQL's binary numeric is not spoken by pgpq: decimals travel as text and are cast in SQL."""
    if pa.types.is_decimal(kind):
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind


def _staged(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class PostgreSQLDialect:
    """The words of PostgreSQL 13 and later."""

    name = "postgresql"
    with_ids = "OVERRIDING SYSTEM VALUE"

    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    @contextmanager
    def stage(self, *, writes: bool) -> Iterator[PostgreSQLStage]:
        """See :class:`engine.dialects.port.Dialect`; a stage that does not write is rolled back."""
        opened = writer if writes else connected
        with opened(self._database) as connection, connection.begin() as transaction:
            connection.execution_options(no_parameters=True)  # or a % in a name would be taken for a parameter
            connection.exec_driver_sql("SET LOCAL datestyle TO 'ISO'")
            connection.exec_driver_sql("SET LOCAL work_mem TO '256MB'")
            yield PostgreSQLStage(connection)
            if not writes:
                transaction.rollback()

    def stored(self, column: str, field: Field, types: dict[str, str]) -> str:
        """The staged value cast to the column's own type (numeric, enum, domain, jsonb …)."""
        target = types[field.column]
        if field.kind == "datetime" and target.startswith("timestamp") and "with time zone" in target:
            return f"({column} AT TIME ZONE 'UTC')"
        return f"{column}::{target}"

    def constant(self, value: pa.Array, field: Field, types: dict[str, str]) -> str:
        """See :class:`engine.dialects.port.Dialect`."""
        text = literal(to_text(value, field)[0].as_py())
        return f"{text}::{types[field.column]}"

    def text(self, column: str, field: Field) -> str:
        """See :class:`engine.dialects.port.Dialect`."""
        if field.kind == "datetime":
            moment = f"to_char({column}::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
            return f"rtrim(rtrim({moment}, '0'), '.') || 'Z'"
        if field.kind == "decimal" and field.scale is None:
            return f"trim_scale({column}::numeric)::text"
        return f"{column}::text"

    def differs(self, stored: str, staged: str, field: Field) -> str:
        """json has no equality: it is compared as text."""
        if field.kind in ("json", "list"):
            return f"{stored}::text IS DISTINCT FROM {staged}::text"
        return f"{stored} IS DISTINCT FROM {staged}"

    def column_types(self, connection: sa.Connection, entity: Entity) -> dict[str, str]:
        """See :class:`engine.dialects.port.Dialect`."""
        found = connection.execute(
            sa.text(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped"
            ),
            {"name": table_name(entity)},
        )
        return {str(name): str(kind) for name, kind in found}

    def lock(self, connection: sa.Connection, tables: list[str]) -> None:
        """Tables in one order for everybody, so that two imports wait for each other and never deadlock."""
        if tables:
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(sorted(tables))} IN SHARE ROW EXCLUSIVE MODE")

    def take_ids(self, connection: sa.Connection, entity: Entity, count: int) -> int:
        """See :class:`engine.dialects.port.Dialect`; the table is locked, so only its own sequence can move."""
        assert entity.id is not None
        table = table_name(entity)
        highest = connection.exec_driver_sql(f"SELECT coalesce(max({quoted(entity.id)}), 0) FROM {table}").scalar_one()
        sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(table, entity.id))).scalar()
        if not sequence or not count:
            return int(highest)
        first = connection.execute(sa.select(sa.func.nextval(sequence))).scalar_one()
        first = max(first, highest + 1)
        connection.execute(sa.select(sa.func.setval(sequence, first + count - 1)))
        return int(first) - 1

    def json_object(self, pairs: list[tuple[str, str]]) -> str:
        """See :class:`engine.dialects.port.Dialect`; merged from pieces, since a call takes at most 100 arguments."""
        pieces = [pairs[start : start + 40] for start in range(0, len(pairs), 40)]
        objects = [f"jsonb_build_object({', '.join(f'{literal(n)}, {sql}' for n, sql in piece)})" for piece in pieces]
        return f"({' || '.join(objects)})::text"

    @contextmanager
    def without_indexes(self, connection: sa.Connection, entity: Entity, *, also_constraints: bool) -> Iterator[None]:
        """Only where the user chose it: the rebuild holds an exclusive lock on the table."""
        if not also_constraints:
            yield
            return
        definitions = _definitions(connection, entity)
        for drop, _ in definitions:
            connection.exec_driver_sql(drop)
        yield  # where this fails the transaction does, and everything stands as it stood
        for _, create in reversed(definitions):
            connection.exec_driver_sql(create)

    def read(self, connection: sa.Connection, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """COPY speaks CSV and Arrow reads it: no Python object per cell is ever made."""
        cursor: Any = connection.connection.cursor()
        with cursor.copy(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)") as copy:
            chunks = iter(copy)
            first = bytes(next(chunks, b""))
            if not first:
                return
            reader = pc_csv.open_csv(
                pa.PythonFile(_Chunks(first, chunks), mode="r"),
                read_options=pc_csv.ReadOptions(column_names=schema.names, block_size=8 << 20),
                parse_options=pc_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                convert_options=pc_csv.ConvertOptions(
                    column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
                ),
            )
            yield from reader


class _Chunks(io.RawIOBase):
    """A file of the chunks an iterator gives."""

    def __init__(self, first: bytes, chunks: Iterator[Any]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = first

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        length = len(self._rest)
        while size < 0 or length < size:
            chunk = bytes(next(self._chunks, b""))
            if not chunk:
                break
            found.append(chunk)
            length += len(chunk)
        whole = b"".join(found)
        self._rest = whole[size:] if size >= 0 else b""
        return whole[:size] if size >= 0 else whole


def _definitions(connection: sa.Connection, entity: Entity) -> list[tuple[str, str]]:
    """What drops and what rebuilds each reference, unique constraint and secondary index of the table.

    In the order of rebuilding reversed: indexes and unique constraints stand before references do.
    """
    table = table_name(entity)
    name = {"name": table}
    constraints = connection.execute(
        sa.text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = CAST(:name AS regclass) AND contype IN ('f', 'c') ORDER BY contype DESC, conname"
        ),
        name,
    ).all()
    indexes = connection.execute(
        sa.text(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = CAST(:name AS regclass) AND indexrelid NOT IN"
            " (SELECT conindid FROM pg_constraint WHERE conindid <> 0)"
        ),
        name,
    ).all()
    uniques = connection.execute(
        sa.text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)"
            " AND contype = 'u' AND conindid NOT IN (SELECT conindid FROM pg_constraint WHERE contype = 'f')"
        ),
        name,
    ).all()
    dropped = [
        (
            f"ALTER TABLE {table} DROP CONSTRAINT {quoted(n)}",
            f"ALTER TABLE {table} ADD CONSTRAINT {quoted(n)} {d}",
        )
        for n, d in [*constraints, *uniques]
    ]
    return [*dropped, *((f"DROP INDEX {n}", d) for n, d in indexes)]
