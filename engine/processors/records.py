"""Records of delimited text, read exactly: the slower reader that never stops and says what was odd.

A quoted cell ends at a quotation mark followed by a delimiter or a line end, and at no other. Where
that cannot be had, the mark is data: a cell opened and never closed is cut at the end of its line, so
that one lost quotation mark costs one row and not the rest of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

Oddity = Literal["", "bare", "broken"]
# Python's reader takes no cell beyond this, unless a setting of the whole process is changed.
_CSV_LIMIT = 131_072


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart: one delimiter, and a quotation mark or "" for none."""

    delimiter: str = ","
    quote: str = '"'

    @cached_property
    def patterns(self) -> Patterns:
        """The expressions that find this dialect's cells."""
        return _patterns(self)


class Patterns(NamedTuple):
    """``sound`` matches a whole record without oddities, ``closed`` a sound quoted cell, ``open`` the start of
    any, ``pending`` one that may still go on."""

    sound: re.Pattern[str]
    closed: re.Pattern[str]
    open: re.Pattern[str]
    pending: re.Pattern[str]
    lenient: re.Pattern[str]
    bare: re.Pattern[str]


class Record(NamedTuple):
    """One record: its cells, where the next begins, and whether its quotation marks were odd.

    ``bare``: a mark inside a cell that is not quoted; ``broken``: a quoted cell not rightly closed.
    """

    cells: list[str]
    end: int
    odd: Oddity


def _patterns(dialect: Dialect) -> Patterns:
    mark, stop = re.escape(dialect.quote), re.escape(dialect.delimiter)
    space = "" if dialect.delimiter == " " else " *"
    inside = f"[^{mark}]*+(?:{mark}{mark}[^{mark}]*+)*+"
    ahead = f"{space}(?={stop}|[\\r\\n]|\\Z)"
    cell = f"(?:{mark}{inside}{mark}|[^{mark}{stop}\\r\\n]*+)"
    return Patterns(
        sound=re.compile(f"{cell}(?:{stop}{cell})*+(?=\\n|\\r\\n)"),
        closed=re.compile(f"{space}{mark}({inside}){mark}{ahead}"),
        open=re.compile(f"{space}{mark}"),
        pending=re.compile(f"{space}{mark}{inside}(?:{mark} *)?\\Z"),
        lenient=re.compile(f"{space}{mark}([^\\r\\n]*?){mark}{ahead}"),
        bare=re.compile(f"[^{stop}\\r\\n]*"),
    )


def records(text: str, dialect: Dialect, *, start: int = 0, final: bool = True) -> Iterator[Record]:
    """The records of ``text`` from ``start``; with ``final`` false, only those that cannot go on in later text."""
    while start < len(text):
        record = read_record(text, start, dialect, final=final)
        if record is None:
            return
        yield record
        start = record.end


def read_record(text: str, start: int, dialect: Dialect, *, final: bool = True) -> Record | None:
    """The record that begins at ``start``; None where it may go on beyond the text."""
    stop, end = _line_end(text, start)
    if not dialect.quote or text.find(dialect.quote, start, stop) < 0:
        if not final and (stop == len(text) or (end == len(text) and text[stop] == "\r")):
            return None
        return Record(text[start:stop].split(dialect.delimiter), end, "")
    sound = dialect.patterns.sound.match(text, start)
    if sound and sound.end() - start < _CSV_LIMIT:
        rows = csv.reader([sound[0]], delimiter=dialect.delimiter, quotechar=dialect.quote)
        return Record(next(rows), sound.end() + (2 if text[sound.end()] == "\r" else 1), "")
    return _read_quoted(text, start, dialect, final)


def _line_end(text: str, start: int) -> tuple[int, int]:
    """Where the line's text stops and where the next line begins."""
    stop = text.find("\n", start)
    stop = len(text) if stop < 0 else stop
    lone = text.find("\r", start, stop)
    if lone < 0:
        return stop, min(stop + 1, len(text))
    return lone, lone + 2 if text.startswith("\r\n", lone) else lone + 1


def _read_quoted(text: str, start: int, dialect: Dialect, final: bool) -> Record | None:
    cells: list[str] = []
    odd: Oddity = ""
    position, size = start, len(text)
    while True:
        cell, position, oddity = _read_cell(text, position, dialect, final)
        if position == size and not final:
            return None
        cells.append(cell)
        odd = oddity if oddity == "broken" or not odd else odd
        if position == size or text[position] in "\r\n":
            break
        position += 1
    _, end = _line_end(text, position)
    if not final and end == size and text[position] == "\r":
        return None
    return Record(cells, end, odd)


def _read_cell(text: str, start: int, dialect: Dialect, final: bool) -> tuple[str, int, Oddity]:
    """A cell and where it stops; a cell that may go on beyond the text stops at its end."""
    patterns, mark = dialect.patterns, dialect.quote
    if found := patterns.closed.match(text, start):
        return found[1].replace(mark + mark, mark), found.end(), ""
    if not patterns.open.match(text, start):
        bare = patterns.bare.match(text, start)
        assert bare is not None
        return bare[0], bare.end(), "bare" if mark in bare[0] else ""
    if not final and patterns.pending.match(text, start):
        return "", len(text), ""
    found = patterns.lenient.match(text, start) or patterns.bare.match(text, start)
    assert found is not None
    cell = found[1].replace(mark + mark, mark) if found.re is patterns.lenient else found[0]
    return cell, found.end(), "broken"
