"""Text columns as CSV after RFC 4180, whole columns at a time."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from engine.processors.port import WritePart

# What must stand in quotation marks: the delimiter, the mark itself, line ends. A leading byte order mark would vanish.
_SPECIAL = '[,"\r\n]|^\ufeff'
_BATCH = 50_000


def write_csv(file: BinaryIO, part: WritePart) -> int:
    """The part's header and rows, written chunk by chunk; answers how many rows."""
    file.write((",".join(_heading(name) for name in part.columns) + "\n").encode())
    count = 0
    for chunk in part.chunks:
        for batch in chunk.select(list(part.columns)).to_batches(max_chunksize=_BATCH):
            file.write(_lines(batch))
            count += batch.num_rows
    return count


def _heading(name: str) -> str:
    plain = not any(mark in name for mark in ',"\r\n\ufeff') and not name.lower().startswith("sep=")
    return name if plain and name else '"' + name.replace('"', '""') + '"'


def _lines(batch: pa.RecordBatch) -> bytes:
    """The batch as CSV lines: the cells joined by Arrow, and their bytes taken as they lie in memory."""
    if not batch.num_rows:
        return b""
    cells = [_cells(column) for column in batch.columns]
    if len(cells) == 1:
        # A blank cell alone would be a blank line, which is no row.
        cells = [pc.if_else(pc.equal(cells[0], ""), '""', cells[0])]
    lines = pc.binary_join_element_wise(*cells, pa.scalar(",", cells[0].type))
    joined = pc.binary_join_element_wise(lines, pa.scalar("\n", lines.type), pa.scalar("", lines.type))
    start, stop = _span(joined)
    return bytes(memoryview(joined.buffers()[2])[start:stop])


def _cells(column: pa.Array) -> pa.Array:
    text = pc.fill_null(column.cast(pa.large_string()), "")
    special = pc.match_substring_regex(text, _SPECIAL)
    if not pc.any(special).as_py():
        return text
    mark = pa.scalar('"', text.type)
    marked = pc.binary_join_element_wise(mark, pc.replace_substring(text, '"', '""'), mark, pa.scalar("", text.type))
    return pc.if_else(special, marked, text)


def _span(array: pa.LargeStringArray) -> tuple[int, int]:
    offsets = memoryview(array.buffers()[1]).cast("q")
    return offsets[array.offset], offsets[array.offset + len(array)]
