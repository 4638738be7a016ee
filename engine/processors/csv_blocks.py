"""From UTF-8 blocks of delimited text to chunks of rows.

A block whose quotation marks are sound goes to Arrow's reader, which answers whole columns and
hands back the rows of another length; those are read exactly and put in their places. Any other
block (a stray mark, a lone carriage return, a byte that is not UTF-8) is read exactly as a whole.
Blocks end where a record ends, so that an odd block costs only itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from engine.errors import UnreadableFileError
from engine.issues import SCHEMA
from engine.processors.cells import null_issues, without_blank_rows
from engine.processors.encoding import is_utf8
from engine.processors.port import ROW, Chunk
from engine.processors.records import Dialect, Oddity, read_record, records

CELL_LIMIT = 16 << 20
CHUNK_ROWS = 200_000
# How much of an odd block is tried as one: small enough that an oddity costs little, large enough for Arrow.
_PIECE = 32 * 1024
_LARGE_PIECE = 2 << 20
_BAD_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class _OddRows:
    """Rows read exactly, and what was wrong with which."""

    width: int
    delimiter: str
    rows: list[tuple[int, list[str | None]]] = field(default_factory=list)
    issues: list[tuple[str, str, int, str | None, str | None, str]] = field(default_factory=list)

    def add(self, number: int, cells: list[str], odd: Oddity) -> None:
        """Takes a row in, cut or padded to the width; a blank one is passed over."""
        if not any(cell.strip() for cell in cells):
            return
        if odd:
            self._quote(number, cells, odd)
        if len(cells) != self.width:
            self._length(number, cells)
        self.rows.append((number, [*cells[: self.width], *[None] * (self.width - len(cells))]))

    def _quote(self, number: int, cells: list[str], odd: Oddity) -> None:
        if odd == "broken":
            message = "A quotation mark opens a cell and is not closed rightly; look where the cells are cut."
            self.issues.append(("row.quote", "error", number, None, self.delimiter.join(cells), message))
        else:
            message = "A quotation mark stands inside a cell that is not quoted; it was kept as it is."
            self.issues.append(("row.quote", "warning", number, None, self.delimiter.join(cells), message))

    def _length(self, number: int, cells: list[str]) -> None:
        count = f"The row has {len(cells)} cell{'s' * (len(cells) != 1)}, the header has {self.width}"
        if len(cells) > self.width:
            surplus = self.delimiter.join(_quoted(cell, self.delimiter) for cell in cells[self.width :])
            message = f"{count}; look for a delimiter in a cell that is not quoted."
            self.issues.append(("row.too_many_cells", "error", number, None, surplus, message))
        else:
            message = f"{count}; look for a missing delimiter or a line break in a cell."
            self.issues.append(("row.too_few_cells", "error", number, None, None, message))


def _quoted(cell: str, delimiter: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in (delimiter, '"', "\n", "\r")) else cell


def chunks(blocks: Iterable[bytes], dialect: Dialect, columns: tuple[str, ...], first_row: int) -> Iterator[Chunk]:
    """The rows of all blocks, the first of which is row ``first_row``.

    Raises UnreadableFileError (``file.too_large``) at a line or cell beyond 16 MB.
    """
    reader = _BlockReader(dialect, columns, first_row)
    held = b""
    for block in blocks:
        held += block
        chunk, used = reader.read(held, final=False)
        held = held[used:]
        yield from _sliced(chunk)
        if len(held) > CELL_LIMIT:
            chunk, used = reader.read_through(held)
            held = held[used:]
            yield from _sliced(chunk)
    if held:
        chunk, _ = reader.read(held, final=True)
        yield from _sliced(chunk)


def _joined(found: list[Chunk]) -> Chunk:
    rows = pa.concat_tables([chunk.rows for chunk in found]).combine_chunks()
    return Chunk(rows, pa.concat_tables([chunk.issues for chunk in found]))


def _sliced(chunk: Chunk) -> Iterator[Chunk]:
    """The chunk in pieces of at most :data:`CHUNK_ROWS` rows, its issues with the first."""
    if chunk.rows.num_rows == 0 and chunk.issues.num_rows == 0:
        return
    yield Chunk(chunk.rows.slice(0, CHUNK_ROWS), chunk.issues)
    for start in range(CHUNK_ROWS, chunk.rows.num_rows, CHUNK_ROWS):
        yield Chunk(chunk.rows.slice(start, CHUNK_ROWS), SCHEMA.empty_table())


class _BlockReader:
    """Reads one block after the other and counts the rows."""

    def __init__(self, dialect: Dialect, columns: tuple[str, ...], first_row: int) -> None:
        self.dialect = dialect
        self.columns = columns
        self.row = first_row
        self._text = pa.schema([(name, pa.string()) for name in columns])

    def read(self, data: bytes, *, final: bool) -> tuple[Chunk, int]:
        """The rows that are complete in ``data``, and how many bytes they take."""
        if fast := self._read_sound(data, final=final):
            return fast
        return self._read_pieces(data, final=final)

    def _read_pieces(self, data: bytes, *, final: bool) -> tuple[Chunk, int]:
        """An odd block in pieces, smaller around what is odd, so that as little as can be is read slowly."""
        found = [self._chunk(None, self._odd_rows())]
        start, size, least = 0, _LARGE_PIECE, _PIECE
        while start < len(data):
            piece = data[start : start + size]
            reaches_end = start + size >= len(data)
            read = self._read_sound(piece, final=final and reaches_end)
            if not read and size > least:
                size = max(least, size // 16)
                continue
            chunk, used = read or self._read_exactly(piece, final=final and reaches_end)
            if used:
                found.append(chunk)
                start += used
                size, least = min(_LARGE_PIECE, size * 4) if read else _PIECE, _PIECE
            elif reaches_end:
                break
            else:
                # No record ends in the piece: the least that can be read is larger.
                size = least = size * 4
        return _joined(found), start

    def _read_sound(self, data: bytes, *, final: bool) -> tuple[Chunk, int] | None:
        used = len(data) if final else _last_record_end(data, self.dialect.quote)
        part = data[:used]
        chunk = self._read_fast(part) if used and self._is_sound(part) else None
        return None if chunk is None else (chunk, used)

    def read_through(self, data: bytes) -> tuple[Chunk, int]:
        """The rows of a block in which no record seems to end: a lost quotation mark, or one huge line."""
        if data.find(b"\n") < 0 and data.find(b"\r") < 0:
            raise too_long(self.row)
        text = data.decode("utf-8", "surrogateescape")
        record = read_record(text, 0, self.dialect)
        if record is None or record.end == len(text):
            raise too_long(self.row)
        odd = self._odd_rows()
        odd.add(self.row, record.cells, "broken")
        self.row += 1
        return self._chunk(None, odd), len(text[: record.end].encode("utf-8", "surrogateescape"))

    def _is_sound(self, data: bytes) -> bool:
        """Whether every quotation mark opens or closes a cell, every line ends in a line feed, and all is UTF-8."""
        if not data.isascii() and not is_utf8(data):
            return False
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n") and _has_lone_return(data, self.dialect.quote):
            return False
        if not self.dialect.quote or self.dialect.quote.encode() not in data:
            return True
        letters = np.frombuffer(data, np.uint8)
        marks = np.flatnonzero(letters == ord(self.dialect.quote))
        if len(marks) % 2:
            return False
        neighbours = np.zeros(256, bool)
        neighbours[[ord(self.dialect.delimiter), 10, 13, ord(self.dialect.quote)]] = True
        opening, closing = marks[0::2], marks[1::2]
        before = neighbours[letters[opening - 1]] | (opening == 0)
        after = neighbours[letters[np.minimum(closing + 1, len(letters) - 1)]] | (closing == len(letters) - 1)
        return bool(before.all() and after.all())

    def _read_fast(self, data: bytes) -> Chunk | None:
        """The sound block by Arrow's reader; None where that refuses it."""
        ragged: list[tuple[int, str]] = []

        def keep(row: pyarrow.csv.InvalidRow) -> str:
            ragged.append((row.number, row.text))
            return "skip"

        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(data),
                pyarrow.csv.ReadOptions(column_names=self._text.names, use_threads=False, block_size=len(data) + 1),
                pyarrow.csv.ParseOptions(
                    delimiter=self.dialect.delimiter,
                    quote_char=self.dialect.quote or False,
                    newlines_in_values=bool(self.dialect.quote),
                    ignore_empty_lines=False,
                    invalid_row_handler=keep,
                ),
                pyarrow.csv.ConvertOptions(column_types=self._text, strings_can_be_null=False, check_utf8=False),
            )
        except pa.ArrowInvalid:
            return None
        odd = self._odd_rows()
        for number, text in ragged:
            record = read_record(text, 0, self.dialect)
            odd.add(self.row + number - 1, record.cells if record else [""], record.odd if record else "")
        numbers = self._numbers(table.num_rows, [number for number, _ in ragged])
        self.row += table.num_rows + len(ragged)
        return self._chunk(without_blank_rows(table.append_column(ROW, numbers)), odd)

    def _numbers(self, count: int, ragged: list[int]) -> pa.Array:
        numbers = np.arange(self.row, self.row + count + len(ragged), dtype=np.int64)
        return pa.array(np.delete(numbers, np.array(ragged, dtype=np.int64) - 1) if ragged else numbers)

    def _read_exactly(self, data: bytes, *, final: bool) -> tuple[Chunk, int]:
        text = data.decode("utf-8", "surrogateescape")
        odd = self._odd_rows()
        has_bad_bytes = _BAD_BYTE.search(text) is not None
        end = 0
        for record in records(text, self.dialect, final=final):
            cells = record.cells
            if has_bad_bytes and any(map(_BAD_BYTE.search, cells)):
                cells = self._keep_bytes(odd, cells)
            odd.add(self.row, cells, record.odd)
            self.row += 1
            end = record.end
        used = len(data) if end == len(text) else len(text[:end].encode("utf-8", "surrogateescape"))
        return self._chunk(None, odd), used

    def _keep_bytes(self, odd: _OddRows, cells: list[str]) -> list[str]:
        """The cells with bytes that are no letters written as ``\\xNN``, and an issue for each such cell."""
        shown = [_BAD_BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", cell) for cell in cells]
        for place, (cell, text) in enumerate(zip(cells, shown, strict=True)):
            if cell != text:
                name = self.columns[place] if place < len(self.columns) else None
                message = "The cell holds bytes that are no letters in the file's encoding, shown as \\x; mend them."
                odd.issues.append(("file.encoding", "error", self.row, name, text, message))
        return shown

    def _odd_rows(self) -> _OddRows:
        return _OddRows(len(self.columns), self.dialect.delimiter)

    def _chunk(self, table: pa.Table | None, odd: _OddRows) -> Chunk:
        schema = self._text.append(pa.field(ROW, pa.int64()))
        if odd.rows:
            numbers, rows = zip(*odd.rows, strict=True)
            arrays = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
            exact = pa.table([*arrays, pa.array(numbers, pa.int64())], schema=schema)
            table = exact if table is None or not table.num_rows else _in_order(pa.concat_tables([table, exact]))
        rows_table = table if table is not None else schema.empty_table()
        found = (
            pa.table([list(column) for column in zip(*map(_issue_row, odd.issues), strict=True)], schema=SCHEMA)
            if odd.issues
            else SCHEMA.empty_table()
        )
        return Chunk(rows_table, pa.concat_tables([found, *null_issues(rows_table)]))


def too_long(row: int) -> UnreadableFileError:
    """The error for a line or cell beyond the limit, at row ``row``."""
    return UnreadableFileError(
        f"Row {row} is longer than {CELL_LIMIT >> 20} MB; look there for a quotation mark that is not closed.",
        code="file.too_large",
    )


def _issue_row(entry: tuple[str, str, int, str | None, str | None, str]) -> tuple[object, ...]:
    code, severity, number, name, value, message = entry
    return (None, "", number, name, value, code, severity, message, None)


def _in_order(table: pa.Table) -> pa.Table:
    return table.take(pc.sort_indices(table[ROW]))


def _last_record_end(data: bytes, quote: str) -> int:
    """Where the last complete record ends, if the quotation marks are sound."""
    end = data.rfind(b"\n") + 1
    if not quote or not end or quote.encode() not in data:
        return end
    marks = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(quote))
    while end:
        before = int(np.searchsorted(marks, end))
        if before % 2 == 0:
            return end
        end = data.rfind(b"\n", 0, int(marks[before - 1])) + 1
    return 0


def _has_lone_return(data: bytes, quote: str) -> bool:
    """Whether a carriage return without a line feed stands outside quotation marks."""
    letters = np.frombuffer(data, np.uint8)
    returns = np.flatnonzero(letters == 13)
    following = letters[np.minimum(returns + 1, len(letters) - 1)]
    lone = returns[following != 10]
    marks = np.flatnonzero(letters == ord(quote)) if quote else np.empty(0, np.int64)
    return bool((np.searchsorted(marks, lone) % 2 == 0).any())
