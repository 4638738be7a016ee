"""Stage 1: file -> rows. All text of a source is staged in the batch's folder, and read back from there."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine.issues import SCHEMA, gather
from engine.model import Batch, Source
from engine.processors.port import ROW, Chunk, Part, Processor
from engine.runs import staged_chunks
from engine.surroundings import Progress, Surroundings


@dataclass(frozen=True, slots=True)
class Opened:
    """A part of a file that is ready to be read."""

    processor: Processor
    file: Path
    part: Part


Reader = Callable[[Source], Generator[Chunk, None, None]]
"""Gives the rows of a source chunk by chunk, with what was wrong in reading them (the whole file's issues first)."""


def read_part(
    around: Surroundings, batch: str, name: str, opened: Opened, progress: Progress
) -> Generator[Chunk, None, None]:
    """Every chunk of the part is handed on while it is staged under ``name``, its reading issues beside it."""
    schema = pa.schema([*((column, pa.string()) for column in opened.part.columns), (ROW, pa.int64())])
    issues = [SCHEMA.empty_table() if opened.part.issues is None else opened.part.issues]
    whole, count = issues[0], 0
    with (
        around.storage.parquet_writer(around.storage.path(batch, "staged", f"{name}.parquet"), schema) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="portage-write") as pool,
    ):
        written: Future[None] | None = None
        for chunk in opened.processor.read(opened.file, opened.part):
            rows = chunk.rows.select(schema.names).cast(schema)
            if written is not None:
                written.result()
            written = pool.submit(writer.write, rows)
            issues.append(chunk.issues)
            count += rows.num_rows
            progress("Reading", count, 0)
            yield Chunk(rows, pa.concat_tables([whole, chunk.issues]))
            whole = SCHEMA.empty_table()
        if written is not None:
            written.result()
    if whole.num_rows:
        yield Chunk(schema.empty_table(), whole)
    with around.storage.parquet_writer(_issues_path(around, batch, name), SCHEMA) as writer:
        writer.write(gather(issues))


def stage_part(around: Surroundings, batch: str, name: str, opened: Opened, progress: Progress) -> int:
    """Stage 1 alone: the part is staged; answers its rows."""
    return sum(chunk.rows.num_rows for chunk in read_part(around, batch, name, opened, progress))


def _issues_path(around: Surroundings, batch: str, name: str) -> str:
    return around.storage.path(batch, "staged", f"{name}.issues.parquet")


def staged_reader(around: Surroundings, batch: Batch) -> Reader:
    """Reads what was staged before."""

    def read(source: Source) -> Generator[Chunk, None, None]:
        with around.storage.parquet(_issues_path(around, batch.id, source.staged)) as file:
            found = file.read().cast(SCHEMA)
        whole = found.filter(pc.is_null(found.column("row_number")))
        for rows in staged_chunks(around.storage, batch.id, source):
            yield Chunk(rows, pa.concat_tables([whole, _of_rows(found, rows)]))
            whole = SCHEMA.empty_table()
        if whole.num_rows:
            columns = [pa.field(name, pa.string()) for name in source.columns]
            yield Chunk(pa.schema([*columns, pa.field(ROW, pa.int64())]).empty_table(), whole)

    return read


def _of_rows(issues: pa.Table, rows: pa.Table) -> pa.Table:
    if not issues.num_rows:
        return issues
    return issues.filter(
        pc.is_in(issues.column("row_number"), value_set=rows.column(ROW).combine_chunks(), skip_nulls=True)
    )
