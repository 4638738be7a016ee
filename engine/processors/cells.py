"""What is asked of cells whatever format they come from: whether a row is blank, whether a cell is text."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from engine.issues import issue_table
from engine.processors.port import ROW


def without_blank_rows(table: pa.Table) -> pa.Table:
    """The table without rows whose cells all hold nothing but white space."""
    blank = _blank(table.column(0))
    if not pc.any(blank).as_py():
        return table
    suspects = table.filter(blank)
    for name in table.column_names[1:-1]:
        suspects = suspects.filter(_blank(suspects[name]))
        if not suspects.num_rows:
            return table
    return table.filter(pc.invert(pc.is_in(table[ROW], suspects[ROW].combine_chunks())))


def _blank(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0)


def null_issues(table: pa.Table) -> Iterator[pa.Table]:
    """An issue for every cell that holds the character NUL, which no database takes as text."""
    for name in table.column_names[:-1]:
        column = table[name]
        if not any(b"\0" in memoryview(chunk.buffers()[2] or b"").tobytes() for chunk in column.chunks if len(chunk)):
            continue
        hits = table.select([name, ROW]).filter(pc.match_substring(column, "\0"))
        if hits.num_rows:
            yield issue_table(
                "file.encoding",
                source="",
                message="The cell holds a NUL character, which is not text; take it out.",
                row_numbers=hits[ROW],
                field=name,
                values=hits[name],
                severity="error",
            )
