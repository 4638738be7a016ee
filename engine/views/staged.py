"""Reads some rows of a source as they stand: its staged text under the slots' names, the user's edits laid over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from engine.mapping import to_fields
from engine.model import Source
from engine.notebook import Mapped, Notebook
from engine.processors.port import ROW
from engine.runs import staged_path
from engine.storage import Storage

Texts = dict[str, str | None]


def current(source: Source, notebook: Notebook) -> Mapped:
    """The source's entity and mapping as last decided."""
    return notebook.mapped.get(source.number, Mapped(source.entity, source.mapping))


def row_numbers(storage: Storage, batch: str, source: Source) -> np.ndarray:
    """The row number of every row of a source, in file order."""
    with storage.parquet(staged_path(storage, batch, source)) as file:
        return np.asarray(file.read(columns=[ROW]).column(0))


def at_positions(storage: Storage, batch: str, source: Source, positions: np.ndarray) -> pa.Table:
    """The raw rows at these ascending positions; only the row groups that hold one are read."""
    with storage.parquet(staged_path(storage, batch, source)) as file:
        pieces = [file.schema_arrow.empty_table()]
        start = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            here = positions[(positions >= start) & (positions < start + count)] - start
            if len(here):
                pieces.append(file.read_row_group(group).take(pa.array(here)))
            start += count
    return pa.concat_tables(pieces)


def numbered(storage: Storage, batch: str, source: Source, numbers: Sequence[int] | np.ndarray) -> pa.Table:
    """The raw rows with these row numbers."""
    everything = row_numbers(storage, batch, source)
    return at_positions(
        storage, batch, source, np.flatnonzero(np.isin(everything, np.asarray(numbers, dtype=np.int64)))
    )


def texts_of(raw: pa.Table, source: Source, notebook: Notebook) -> tuple[list[int], list[Texts]]:
    """The row numbers of raw rows, and the text of each slot of each row after the user's edits."""
    mapped = current(source, notebook)
    edits = notebook.edits.get(source.number, {})
    laid = to_fields(raw.combine_chunks(), mapped.mapping, ROW, edits).to_pylist()
    return [int(row.pop(ROW)) for row in laid], laid
