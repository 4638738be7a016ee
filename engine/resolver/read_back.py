"""Reads parts of an entity's checked rows back from their file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.resolver.rows import CANDIDATE, CheckedRows
from engine.storage import Storage


def columns(storage: Storage, rows: CheckedRows, names: Sequence[str]) -> pa.Table:
    """Whole columns, in the order of ``seq``."""
    with storage.parquet(rows.path) as file:
        return file.read(columns=list(names))


def picked(storage: Storage, rows: CheckedRows, positions: np.ndarray) -> pa.Table:
    """All columns of the rows at these ascending positions; only the row groups that hold one are read."""
    pieces = [rows.schema.empty_table()]
    with storage.parquet(rows.path) as file:
        start = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            here = positions[(positions >= start) & (positions < start + count)] - start
            if len(here):
                pieces.append(file.read_row_group(group).take(pa.array(here)))
            start += count
    return pa.concat_tables(pieces)


def candidates(storage: Storage, rows: CheckedRows, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows that are still to be written, chunk by chunk."""
    start = 0
    with storage.parquet(rows.path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(names)).select(list(names))
            fate = rows.fate[start : start + table.num_rows]
            start += table.num_rows
            if (fate != CANDIDATE).any():
                table = table.filter(pa.array(fate == CANDIDATE))
            yield from table.combine_chunks().to_batches()


def joined_text(table: pa.Table, separator: str) -> pa.Array:
    """The columns of ``table`` (all text) joined row by row; null where one is null."""
    arrays = [column.combine_chunks() for column in table.columns]
    return arrays[0] if len(arrays) == 1 else pc.binary_join_element_wise(*arrays, separator)
