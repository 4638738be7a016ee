"""How a delimited text is laid out: its delimiter, its quotation mark and its header row.

Every candidate is tried on the first records. A good one cuts them into rows of one length, and
into cells that look like something: a number, a date, words without another candidate's
delimiter. The idea is that of G. van den Burg, A. Nazábal, C. Sutton, "Wrangling messy CSV files by
detecting row and type patterns" (2019), here with fewer candidates and the header's evidence added.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from engine.processors.records import Dialect, Record, records

DELIMITERS = (",", ";", "\t", "|", "^", ":", "~", " ")
_RARE = {":", " ", "~"}
_ROWS = 200
_HEADER_WITHIN = 40

_NUMBER = re.compile(r"[-+(]?\s*[$€£]?\s*[-+]?(?:\d[\d.,' \u00a0]*|[.,]\d+)(?:[eE][-+]?\d+)?\s*[%€$£)]?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|{_MONTH} \d{{1,2}},? \d{{4}}|\d{{1,2}}[- ]{_MONTH}[- ]\d{{2,4}})"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]M)?(?: ?(?:[A-Z]{1,4}|[-+]\d{2}:?\d{2}))?)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M)?", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:)\S+|[^\s@,;|]+@[^\s@,;|]+\.\w+")
_WORDS = re.compile(r"[^\W_][^,;\t|^~:\"\r\n]*|[-*?!.#]+|<[^<>]*>")
_PAIR = re.compile(r"\d{1,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SEP_LINE = re.compile(r"sep=([^\r\n])\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundDialect:
    """A dialect, whether it is sure, and where the records begin (after a ``sep=`` line)."""

    dialect: Dialect
    certain: bool
    start: int = 0


@dataclass(frozen=True, slots=True)
class FoundHeader:
    """Which record is the header (1-based, 0 for none), whether it is sure, and why."""

    row: int
    certain: bool
    note: str = ""


def find_dialect(
    text: str, delimiter: str | None = None, quote: str | None = None, *, final: bool = True
) -> FoundDialect:
    """The dialect that cuts ``text`` best, among those the user allows."""
    line = _SEP_LINE.match(text)
    start = line.end() if line else 0
    if line and delimiter is None:
        delimiter = line[1]
    candidates = [Dialect(d, q) for d in ([delimiter] if delimiter else DELIMITERS) for q in _quotes(text, quote)]
    scored = [(_score(dialect, text, start, final), -order, dialect) for order, dialect in enumerate(candidates)]
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    best = scored[0]
    certain = delimiter is not None or len(scored) == 1 or (best[0] > 0.01 and best[0] > 1.2 * scored[1][0])
    return FoundDialect(best[2], certain, start)


def _quotes(text: str, quote: str | None) -> list[str]:
    if quote is not None:
        return [quote]
    return ['"'] if '"' in text else ['"', "'"] if text.count("'") > 3 else ['"']


def _first_records(dialect: Dialect, text: str, start: int, final: bool) -> list[Record]:
    found = list(islice(records(text, dialect, start=start, final=final), _ROWS))
    return [record for record in found if any(cell.strip() for cell in record.cells)]


def _score(dialect: Dialect, text: str, start: int, final: bool) -> float:
    """How well the dialect fits, 0 to about 1: even rows times cells that look like something."""
    found = _first_records(dialect, text, start, final)
    if not found:
        return 0.0
    rows = [record.cells for record in found]
    widths = Counter(map(len, rows))
    if max(widths) == 1:
        even = 0.001
    else:
        even = sum(count * (width - 1) / width for width, count in widths.items()) / len(widths) / len(rows)
    if dialect.delimiter in _RARE and not _is_rare_sure(rows, widths):
        even = 0.0001
    if dialect.quote == "'" and not _is_wrapped(text, dialect):
        return 0.0
    broken = sum(record.odd == "broken" for record in found) / len(found)
    return even * _typed_share(rows) * (1 - broken / 2)


def _is_rare_sure(rows: list[list[str]], widths: Counter[int]) -> bool:
    """Whether a delimiter that often stands inside text cuts all rows alike, with numbers below each other."""
    if len(widths) > 1 or len(rows) < 2 or len(rows[0]) < 2:
        return False
    columns = list(zip(*rows[1:], strict=True))
    if all(_PAIR.fullmatch(cell.strip()) for column in columns for cell in column):
        return False
    return any(all(_NUMBER.fullmatch(cell.strip()) for cell in column) for column in columns)


def _is_wrapped(text: str, dialect: Dialect) -> bool:
    """Whether apostrophes stand around cells, and around more than one column of them."""
    mark, stop = re.escape(dialect.quote), re.escape(dialect.delimiter)
    around = len(re.findall(f"{mark}{stop}{mark}|^{mark}|{mark}$", text, re.MULTILINE))
    return (
        f"{dialect.quote}{dialect.delimiter}{dialect.quote}" in text and around * 2 >= text.count(dialect.quote) * 0.6
    )


def _typed_share(rows: Sequence[Sequence[str]]) -> float:
    cells = [cell for row in rows for cell in row[:100]]
    return max(sum(map(_is_something, cells)) / len(cells), 1e-6)


def _is_something(cell: str) -> bool:
    text = cell.strip()
    if not text or len(text) > 500:
        return True
    return any(kind.fullmatch(text) for kind in (_WORDS, _NUMBER, _DATE, _TIME, _LINK))


def kind_of(cell: str) -> str:
    """``number``, ``date``, ``blank`` or ``text``, as a person would say at a glance."""
    text = cell.strip()
    if not text:
        return "blank"
    if _DATE.fullmatch(text) or _TIME.fullmatch(text):
        return "date"
    return "number" if _NUMBER.fullmatch(text) else "text"


def find_header(rows: Sequence[Sequence[str]]) -> FoundHeader:
    """The header among the first records of a file, blank ones included.

    Titles and comments above it hold one cell or far fewer than the rows below. There is no header
    only where its place is taken by values of the very kind that stands below it.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    present = [number for number, count in enumerate(filled) if count]
    if not present:
        return FoundHeader(0, False)
    usual = Counter(len(rows[number]) for number in present).most_common(1)[0][0]
    row = next((n for n in present[:_HEADER_WITHIN] if _may_be_header(rows[n], filled[n], usual)), present[0])
    below = [rows[number] for number in present if number > row]
    columns = [[line[place] for line in below if place < len(line)] for place in range(len(rows[row]))]
    same, other = _evidence(rows[row], columns)
    if same and not other and row == present[0]:
        return FoundHeader(0, False, "The first row looks like the rows below it: the file seems to have no header.")
    above = sum(number < row for number in present)
    note = f"Passed over {above} row{'s' * (above > 1)} above the header." if above else ""
    return FoundHeader(row + 1, bool(other) or (not above and _reads_as_names(rows[row])), note)


def _may_be_header(row: Sequence[str], filled: int, usual: int) -> bool:
    if len(row) < usual and (filled == 1 or row[0].lstrip().startswith("#")):
        return False
    return usual <= 2 or filled * 2 >= min(usual, len(row))


def _evidence(header: Sequence[str], columns: list[list[str]]) -> tuple[int, int]:
    """How many headings are values like those below them, and how many are text above values."""
    same = other = 0
    for heading, column in zip(header, columns, strict=True):
        kinds = Counter(map(kind_of, column))
        kinds.pop("blank", None)
        if not kinds:
            continue
        usual, count = kinds.most_common(1)[0]
        if usual == "text" or count < 0.8 * sum(kinds.values()):
            continue
        kind = kind_of(heading)
        other += kind in ("text", "blank")
        same += kind == usual and not _YEAR.fullmatch(heading.strip())
    return same, other


def _reads_as_names(row: Sequence[str]) -> bool:
    names = [cell.strip().casefold() for cell in row if cell.strip()]
    return len(set(names)) == len(names) and all(kind_of(name) == "text" for name in names)
