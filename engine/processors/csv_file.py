"""CSV and its kin, both ways: any delimiter, quotation mark and encoding in; UTF-8 with commas out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import UnreadableFileError, UsageError
from engine.issues import Issue, from_issues, gather
from engine.processors.content import file_head, foreign_content
from engine.processors.csv_blocks import CELL_LIMIT, chunks, too_long
from engine.processors.csv_text import write_csv
from engine.processors.encoding import FoundEncoding, encoding_issues, find_encoding, known_encoding, utf8_blocks
from engine.processors.headings import duplicate_issues, unique_columns
from engine.processors.port import Chunk, Part, ReadOptions, WritePart
from engine.processors.records import Dialect, Record, records
from engine.processors.sniffing import DELIMITERS, FoundDialect, FoundHeader, find_dialect, find_header

COLUMN_LIMIT = 10_000
_SAMPLE = 256 * 1024
_SAMPLE_ROWS = 20
_SNIFFED_ROWS = 200


@dataclass(frozen=True, slots=True)
class _Start:
    """The first stretch of a file's text, and whether the file ends with it."""

    text: str
    final: bool


class CSVProcessor:
    """Delimited text: one part, all cells text."""

    format = "csv"
    suffixes: tuple[str, ...] = (".csv", ".tsv", ".tab", ".txt", ".psv", ".ssv", ".dat")

    def inspect(self, path: Path, options: ReadOptions) -> list[Part]:
        """The one part of the file, from its first stretch."""
        options = _sound_options(options)
        head = file_head(path, "The file")
        if (what := foreign_content(head)) and options.encoding is None:
            raise UnreadableFileError(f"The file holds {what}, not delimited text; save it as CSV.")
        encoding = FoundEncoding(known_encoding(options.encoding), True) if options.encoding else find_encoding(path)
        start = _start_of(path, encoding.name)
        _refuse_wide(start.text, options)
        found = find_dialect(start.text, options.delimiter, options.quote, final=start.final)
        return [_part(start, encoding, found, options)]

    def read(self, path: Path, part: Part) -> Iterator[Chunk]:
        """All rows of the part in file order, blank ones left out but counted."""
        options = part.options
        if options.encoding is None or options.delimiter is None or options.quote is None or options.header_row is None:
            raise ValueError("read a part that inspect answered")
        dialect = Dialect(options.delimiter, options.quote)
        blocks = utf8_blocks(path, options.encoding)
        yield from chunks(_after(blocks, dialect, options.header_row), dialect, part.columns, options.header_row + 1)

    def write(self, file: BinaryIO, parts: list[WritePart], metadata: dict[str, Any]) -> dict[str, int]:
        """The one part as UTF-8 text after RFC 4180, with line feeds; a null and "" are both an empty cell."""
        if len(parts) != 1:
            raise ValueError("a CSV file holds one entity")
        return {parts[0].entity: write_csv(file, parts[0])}


def _sound_options(options: ReadOptions) -> ReadOptions:
    """The options with a tab for ``tab``; UsageError where one of them cannot be meant."""
    named = replace(options, delimiter="\t") if options.delimiter in ("tab", "\\t") else options
    for what, mark in (("delimiter", named.delimiter), ("quotation mark", named.quote or None)):
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in "\r\n"):
            raise UsageError(
                f'"{options.delimiter if what == "delimiter" else mark}" cannot be the {what}; use one sign.'
            )
    if named.quote and named.quote == named.delimiter:
        raise UsageError("The delimiter and the quotation mark are the same; use two.")
    if named.header_row is not None and named.header_row < 0:
        raise UsageError("The header row is counted from 1; 0 means that there is none.")
    return named


def _start_of(path: Path, encoding: str) -> _Start:
    """At least one line of the file and about 256 kB of it; UnreadableFileError where a line is beyond the limit."""
    data = b""
    blocks = utf8_blocks(path, encoding, size=_SAMPLE)
    for block in blocks:
        data += block
        if len(data) >= _SAMPLE and (b"\n" in data or b"\r" in data[:-1]):
            break
        if len(data) > CELL_LIMIT:
            raise too_long(1)
    final = next(blocks, None) is None
    text = data.decode("utf-8", "backslashreplace" if final else "ignore")
    return _Start(text, final)


def _refuse_wide(text: str, options: ReadOptions) -> None:
    line = text[: _first_line_end(text)]
    delimiters = [options.delimiter] if options.delimiter else DELIMITERS[:4]
    count = max(line.count(delimiter) for delimiter in delimiters) + 1
    if count > COLUMN_LIMIT:
        raise UnreadableFileError(
            f"The first line has {count:,} columns, over the limit of {COLUMN_LIMIT:,}; split the file.",
            code="file.too_large",
        )


def _first_line_end(text: str) -> int:
    ends = [place for place in (text.find("\n"), text.find("\r")) if place >= 0]
    return min(ends, default=len(text))


def _part(start: _Start, encoding: FoundEncoding, found: FoundDialect, options: ReadOptions) -> Part:
    read = records(start.text, found.dialect, start=found.start, final=start.final)
    first = list(islice(read, max(_SNIFFED_ROWS, (options.header_row or 0) + _SAMPLE_ROWS)))
    rows = [record.cells for record in first]
    header = FoundHeader(options.header_row, True) if options.header_row is not None else find_header(rows)
    if header.row > len(rows):
        raise UnreadableFileError(f"The file has no row {header.row} to be its header; it has {len(rows)}.")
    below = [row for row in rows[header.row :] if any(cell.strip() for cell in row)]
    headings = tuple(rows[header.row - 1]) if header.row else ("",) * max(map(len, below), default=1)
    columns = unique_columns(headings)
    return Part(
        name="",
        headings=headings,
        columns=columns,
        options=replace(
            options,
            encoding=encoding.name,
            delimiter=found.dialect.delimiter,
            quote=found.dialect.quote,
            header_row=header.row,
        ),
        certain={
            "encoding": encoding.certain,
            "delimiter": found.certain,
            "quote": found.certain or options.quote is not None,
            "header_row": header.certain,
        },
        notes=tuple(note for note in (header.note, _dialect_note(found)) if note),
        sample=tuple(_fitted(row, len(columns)) for row in below[:_SAMPLE_ROWS]),
        issues=gather(
            [
                duplicate_issues(headings, columns),
                from_issues(encoding_issues(encoding)),
                from_issues(_header_issues(first, header.row)),
                from_issues(_empty_issues(start, below)),
            ]
        ),
    )


def _fitted(row: list[str], width: int) -> tuple[str | None, ...]:
    return (*row[:width], *[None] * (width - len(row)))


def _dialect_note(found: FoundDialect) -> str:
    if found.start:
        return "The first line (sep=) names the delimiter; like a spreadsheet, rows are counted after it."
    return "" if found.certain else "The delimiter is not certain; look at the first rows."


def _header_issues(first: list[Record], row: int) -> list[Issue]:
    if not row or first[row - 1].odd != "broken":
        return []
    message = "A quotation mark in the header is not closed rightly; look where the headings are cut."
    return [Issue(None, "", row, None, ",".join(first[row - 1].cells), "row.quote", "error", message)]


def _empty_issues(start: _Start, below: list[list[str]]) -> list[Issue]:
    # A header alone is what an export of nothing looks like: worth saying, no reason to stop a batch.
    if below or not start.final:
        return []
    return [Issue(None, "", None, None, None, "file.empty", "warning", "The file has a header and no rows.")]


def _after(blocks: Iterator[bytes], dialect: Dialect, header_row: int) -> Iterator[bytes]:
    """The blocks without their first ``header_row`` records and without a ``sep=`` line."""
    data = b""
    for block in blocks:
        data += block
        text = data.decode("utf-8", "surrogateescape")
        position = _sep_line_end(text)
        read = 0
        for record in islice(records(text, dialect, start=position, final=False), header_row):
            read, position = read + 1, record.end
        if read == header_row:
            yield from chain([data[len(text[:position].encode("utf-8", "surrogateescape")) :]], blocks)
            return


def _sep_line_end(text: str) -> int:
    return find_dialect(text[:16], ",", "").start if text[:4].lower() == "sep=" else 0
