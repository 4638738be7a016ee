"""Stages 2 to 4 for the chunks of one source: rows -> fields -> typed -> checked, a few chunks at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog, Entity
from engine.conversion import ConvertOptions, convert
from engine.mapping import to_fields
from engine.model import Batch, Source
from engine.notebook import Mapped, Notebook
from engine.processors.port import ROW, Chunk
from engine.validation import Checks, validate

WORKERS = 2
AHEAD = 3
"""Chunks in work at once: more only cost memory (a chunk of 200,000 rows is about 60 MB)."""


@dataclass(frozen=True, slots=True)
class DoneChunk:
    """One chunk after stages 2 to 4."""

    rows: pa.Table
    cleared: Mapping[str, pa.BooleanArray]
    file_issues: pa.Table
    issues: pa.Table
    missing_if_new: pa.Table


@dataclass(frozen=True, slots=True)
class RowWork:
    """Stages 2 to 4 for the chunks of one source."""

    catalog: Catalog
    entity: Entity
    checks: Future[Checks]
    batch: Batch
    source: Source
    mapped: Mapped
    notebook: Notebook

    def do(self, chunk: Chunk) -> DoneChunk:
        """The chunk is typed and checked."""
        name = self.source.title
        edits = self.notebook.edits.get(self.source.number, {})
        options = ConvertOptions(nulls=self.batch.options.nulls, day_first=self.batch.options.day_first)
        fields = to_fields(chunk.rows, self.mapped.mapping, ROW, edits)
        converted = convert(fields, self.catalog, self.entity, name, options)
        validated = validate(
            self.checks.result(), converted.rows, converted.failed, converted.cleared, source=name, raw=fields
        )
        of_file, of_rows = self._reading_issues(chunk.issues, edits)
        issues = pa.concat_tables([converted.issues, validated.issues, of_rows])
        return DoneChunk(converted.rows, converted.cleared, of_file, issues, validated.missing_if_new)

    def _reading_issues(self, found: pa.Table, edits: Mapping[int, object]) -> tuple[pa.Table, pa.Table]:
        """What is wrong with the whole source, and with the reading of its rows that nobody has mended since."""
        if not found.num_rows:
            return found, found
        named = found.set_column(1, "source", pa.array([self.source.title] * found.num_rows, pa.string()))
        named = named.set_column(0, "entity", pa.array([self.entity.name] * found.num_rows, pa.string()))
        numbers = named.column("row_number")
        is_open = pa.array(~np.isin(np.asarray(pc.fill_null(numbers, -1)), list(edits)))
        of_file = pc.is_null(numbers)
        return named.filter(of_file), named.filter(pc.and_(pc.invert(of_file), is_open))


def ahead(work: Callable[[Chunk], DoneChunk], chunks: Generator[Chunk, None, None]) -> Iterator[DoneChunk]:
    """The work on each chunk, in their order: one is read while a few are worked on and the last is used."""
    with (
        closing(chunks),
        ThreadPoolExecutor(1, thread_name_prefix="portage-read") as reader,
        ThreadPoolExecutor(WORKERS, thread_name_prefix="portage-check") as pool,
    ):
        waiting: deque[Future[DoneChunk]] = deque()
        coming = reader.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(next, chunks, None)
            waiting.append(pool.submit(work, chunk))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
