"""SQLite: rows are staged through ADBC into a side file, which is then attached to the writer's connection.

How values are stored: decimals of up to 15 digits as numbers (a double holds them exactly), longer ones as text; dates
and times as ISO text; a datetime as ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC, as SQLAlchemy and Django write it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Entity, Field
from engine.database import connected, writer
from engine.dialects.port import SEQ
from engine.dialects.quoting import literal, quoted

EXACT_DIGITS = 15
"""Decimal digits a double holds without loss (IEEE 754 binary64, DBL_DIG)."""

FETCH = 2_000
"""Rows fetched at once: with more, the garbage collector walks their tuples again and again (3 times slower)."""

BATCH = 32
"""Fetches in one Arrow batch."""

_DATETIME = "????-??-?? ??:??:??.??????"


class SQLiteStage:
    """A side file of staged tables; without journal and syncs, since nobody needs it after a crash."""

    def __init__(self, database: sa.Engine, folder: Path, *, writes: bool) -> None:
        self._database = database
        self._file = folder / "stage.db"
        self._writes = writes

    def load(self, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """See :class:`engine.dialects.port.Stage`."""
        from adbc_driver_sqlite import dbapi  # not needed to look at a plan

        staged = pa.schema([(f.name, _staged_type(f.type)) for f in schema])
        columns = ", ".join(f'"{f.name}" {_affinity(f)}' for f in staged)
        with dbapi.connect(str(self._file), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("PRAGMA page_size=32768")  # written and scanned once, from end to end
            cursor.execute("PRAGMA journal_mode=OFF")
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute(f'CREATE TABLE "{table}" ({columns})')
            reader = pa.RecordBatchReader.from_batches(staged, (_staged(batch, staged) for batch in batches))
            cursor.adbc_ingest(table, reader, mode="append")

    def name(self, table: str) -> str:
        """See :class:`engine.dialects.port.Stage`."""
        return f'stage."{table}"'

    def create(self, connection: sa.Connection, table: str, columns: str) -> None:
        """See :class:`engine.dialects.port.Stage`."""
        connection.exec_driver_sql(f"CREATE TABLE {self.name(table)} ({columns})")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """See :class:`engine.dialects.port.Stage`; readers only ever write to the side file."""
        opened = writer if self._writes else connected
        with opened(self._database) as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("ATTACH DATABASE ? AS stage", (str(self._file),))
            driver.execute("PRAGMA stage.journal_mode=MEMORY")
            driver.execute("PRAGMA stage.synchronous=OFF")
            driver.execute("PRAGMA stage.cache_size=-65536")
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.execute("DETACH DATABASE stage")


def _staged_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.float64() if kind.precision <= EXACT_DIGITS else pa.string()
    if pa.types.is_temporal(kind):
        return pa.string()
    return pa.int64() if pa.types.is_boolean(kind) or pa.types.is_integer(kind) else kind


def _affinity(field: pa.Field) -> str:
    if field.name == SEQ:
        return "INTEGER PRIMARY KEY"
    if pa.types.is_int64(field.type):
        return "INTEGER"
    return "REAL" if pa.types.is_float64(field.type) else "TEXT"


def _staged(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [_staged_column(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _staged_column(column: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        naive = column.cast(pa.timestamp("us"))
        return pc.strftime(naive, format="%Y-%m-%d %H:%M:%S")
    return column if column.type == target else column.cast(target)


class SQLiteDialect:
    """The words of SQLite 3.39 and later."""

    name = "sqlite"
    with_ids = ""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    @contextmanager
    def stage(self, *, writes: bool) -> Iterator[SQLiteStage]:
        """See :class:`engine.dialects.port.Dialect`."""
        folder = Path(tempfile.mkdtemp(prefix="portage-stage-"))
        try:
            yield SQLiteStage(self._database, folder, writes=writes)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def stored(self, column: str, field: Field, types: dict[str, str]) -> str:
        """Staged values have the stored form, but for the zeros a decimal of no stated digits was staged with."""
        if field.kind == "decimal" and field.scale is None:
            return _plain_number(column)
        return column

    def constant(self, value: pa.Array, field: Field, types: dict[str, str]) -> str:
        """See :class:`engine.dialects.port.Dialect`."""
        staged = _staged_column(value, _staged_type(value.type))[0].as_py()
        return literal(staged) if isinstance(staged, str) else repr(staged)

    def text(self, column: str, field: Field) -> str:
        """See :class:`engine.dialects.port.Dialect`."""
        if field.kind == "decimal" and field.scale is not None and (field.precision or 0) <= EXACT_DIGITS:
            number = f"printf('%.{field.scale}f', {column})"
            return f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN {number} ELSE CAST({column} AS TEXT) END"
        if field.kind == "float":
            short = f"CAST({column} AS TEXT)"
            exact = f"printf('%!.17g', {column})"
            is_exact = f"{column} IS NULL OR CAST({short} AS REAL) = {column}"
            return f"CASE WHEN {is_exact} THEN {_plain_number(short)} ELSE {exact} END"
        if field.kind == "boolean":
            return f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE CAST({column} AS TEXT) END"
        if field.kind == "decimal" and field.scale is None:
            return _plain_number(f"CAST({column} AS TEXT)")
        if field.kind == "datetime":
            return _moment(column)
        if field.kind == "time":
            return f"CASE WHEN {column} GLOB '*.*' THEN rtrim(rtrim({column}, '0'), '.') ELSE {column} END"
        return f"CAST({column} AS TEXT)"

    def differs(self, stored: str, staged: str, field: Field) -> str:
        """Dates and times other programs wrote in another spelling are compared as moments."""
        plain = f"{stored} IS NOT {staged}"
        if field.kind == "date":
            return f"({plain} AND (date({stored}) IS NULL OR date({stored}) IS NOT {staged}))"
        if field.kind == "datetime":
            moment = "strftime('%Y-%m-%d %H:%M:%f', {})"
            other = f"{moment.format(stored)} IS NOT {moment.format(staged)}"
            return f"({plain} AND ({stored} GLOB '{_DATETIME}' OR {moment.format(stored)} IS NULL OR {other}))"
        if field.kind == "time":
            other = f"time({stored}) IS NULL OR {stored} GLOB '*.??????' OR time({stored}) IS NOT time({staged})"
            return f"({plain} AND ({other}))"
        return plain

    def column_types(self, connection: sa.Connection, entity: Entity) -> dict[str, str]:
        """SQLite keeps what it is given: no type matters."""
        return {}

    def lock(self, connection: sa.Connection, tables: list[str]) -> None:
        """BEGIN IMMEDIATE holds the one write lock already."""

    def take_ids(self, connection: sa.Connection, entity: Entity, count: int) -> int:
        """See :class:`engine.dialects.port.Dialect`; an AUTOINCREMENT table never gives an id twice."""
        assert entity.id is not None
        highest = (
            connection.exec_driver_sql(f"SELECT max({quoted(entity.id)}) FROM {quoted(entity.table)}").scalar() or 0
        )
        counted = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").scalar()
        if counted:
            given = connection.exec_driver_sql(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (entity.table,)
            ).scalar()
            highest = max(highest, given or 0)
        return int(highest)

    def json_object(self, pairs: list[tuple[str, str]]) -> str:
        """See :class:`engine.dialects.port.Dialect`; merged from pieces, since a call takes at most 100 arguments."""
        pieces = [pairs[start : start + 40] for start in range(0, len(pairs), 40)]
        objects = [f"json_object({', '.join(f'{literal(name)}, {sql}' for name, sql in piece)})" for piece in pieces]
        merged = objects[0]
        for other in objects[1:]:
            merged = f"(rtrim({merged}, '}}') || ',' || ltrim({other}, '{{'))"
        return merged

    @contextmanager
    def without_indexes(self, connection: sa.Connection, entity: Entity, *, also_constraints: bool) -> Iterator[None]:
        """Constraints stay: only they tell a wrong row, and SQLite cannot add them back."""
        found = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
            " AND sql NOT LIKE 'CREATE UNIQUE%'",
            (entity.table,),
        ).all()
        for name, _ in found:
            connection.exec_driver_sql(f"DROP INDEX {quoted(name)}")
        yield
        for _, sql in found:
            connection.exec_driver_sql(sql)

    def read(self, connection: sa.Connection, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See :class:`engine.dialects.port.Dialect`."""
        cursor = connection.connection.cursor()
        cursor.execute(sql)
        ready: list[pa.RecordBatch] = []
        while rows := cursor.fetchmany(FETCH):
            columns = zip(*rows, strict=True)
            arrays = [_column(values, field.type) for values, field in zip(columns, schema, strict=True)]
            ready.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            if len(ready) == BATCH:
                yield from pa.Table.from_batches(ready).combine_chunks().to_batches()
                ready.clear()
        if ready:
            yield from pa.Table.from_batches(ready).combine_chunks().to_batches()
        cursor.close()


def _plain_number(text: str) -> str:
    """SQL of a number's text without zeros at the end of its fraction."""
    return f"CASE WHEN {text} GLOB '*.*' AND {text} NOT GLOB '*e*' THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"


def _moment(column: str) -> str:
    """SQL of the canonical text of a datetime in UTC, from the spellings programs store; others stay as they are."""
    whole = f"replace({column}, ' ', 'T')"
    return (
        f"CASE WHEN {column} GLOB '????-??-??[ T]??:??:??' THEN {whole} || 'Z'"
        f" WHEN {column} GLOB '????-??-??[ T]??:??:??.*' AND substr({column}, 21) NOT GLOB '*[^0-9]*'"
        f" THEN rtrim(rtrim({whole}, '0'), '.') || 'Z'"
        f" WHEN {column} GLOB '????-??-??' THEN {column} || 'T00:00:00Z' ELSE CAST({column} AS TEXT) END"
    )


def _column(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # SQLite lets a column hold values of any type
        return pa.array([None if value is None else str(value) for value in values], pa.string()).cast(kind)
