"""Something wrong with data: its code, its place, and a sentence that says what to do.

Issues travel as Arrow tables of :data:`SCHEMA`, because a million wrong cells are still one
answer; :class:`Issue` is one row of it for people and tests. ``CODES`` is the one table of
codes, from which ``docs/issues.md`` is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one cell, row, column or file.

    ``row_number`` is the row as a spreadsheet shows it (the header is row 1), or None where
    the issue is about a column or a whole file; ``value`` is the raw text.
    """

    entity: str | None
    source: str
    row_number: int | None
    field: str | None
    value: str | None
    code: str
    severity: Severity
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class IssueCode:
    """One kind of issue: what it means and how to mend it."""

    code: str
    severity: Severity
    title: str
    mend: str


SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("source", pa.string()),
        ("row_number", pa.int64()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("code", pa.string()),
        ("severity", pa.string()),
        ("message", pa.string()),
        ("suggestion", pa.string()),
    ]
)

_TABLE: tuple[IssueCode, ...] = (
    IssueCode(
        "file.encoding",
        "warning",
        "The encoding is uncertain",
        "Look at the first rows; choose the encoding if letters look wrong.",
    ),
    IssueCode(
        "file.empty",
        "error",
        "The file has no rows",
        "Check that the right file was exported and that it is not empty.",
    ),
    IssueCode(
        "file.too_large", "error", "The file is over a limit", "Split the file, or raise the limit in the settings."
    ),
    IssueCode(
        "file.unreadable", "error", "The file cannot be read", "Save it again as CSV, JSON or another supported format."
    ),
    IssueCode(
        "file.bomb",
        "error",
        "The file unpacks to far more than it holds",
        "Do not open it; ask its sender for a plain file.",
    ),
    IssueCode(
        "file.no_entity",
        "error",
        "No entity fits the file's columns",
        "Say which entity the file holds, or map its columns by hand.",
    ),
    IssueCode(
        "row.too_many_cells",
        "error",
        "The row has more cells than the header",
        "Look for an unquoted delimiter in the row.",
    ),
    IssueCode(
        "row.too_few_cells",
        "error",
        "The row has fewer cells than the header",
        "Look for a missing delimiter or a line break in a cell.",
    ),
    IssueCode(
        "row.quote",
        "error",
        "A quotation mark is not closed or stands alone",
        "Double the quotation mark, or close it.",
    ),
    IssueCode(
        "column.missing",
        "error",
        "A required column is missing",
        "Add the column, or map one of the file's columns to it.",
    ),
    IssueCode(
        "column.unknown",
        "warning",
        "A column belongs to no field and is not imported",
        "Map it to a field, or leave it out.",
    ),
    IssueCode("column.duplicate", "error", "Two columns have one name", "Rename one of them, or map them by hand."),
    IssueCode("value.missing", "error", "A required value is blank", "Fill in the cell."),
    IssueCode(
        "value.type", "error", "The text is not of the field's type", "Write the value as the field's type asks."
    ),
    IssueCode("value.range", "error", "The value is out of range", "Correct the value."),
    IssueCode("value.length", "error", "The text is too long", "Shorten the text."),
    IssueCode("value.pattern", "error", "The text does not have the required form", "Write it as the example shows."),
    IssueCode("value.choice", "error", "The value is not one of the choices", "Use one of the choices."),
    IssueCode("value.ambiguous_date", "error", "The date can be read in two ways", "Write it as year-month-day."),
    IssueCode("value.precision", "error", "The number has too many digits", "Round the number to the field's digits."),
    IssueCode("key.missing", "error", "The row has no key", "Fill in the key."),
    IssueCode("key.duplicate", "error", "Two rows have one key", "Keep one of the rows, or correct a key."),
    IssueCode("key.exists", "error", "Another record has this unique value already", "Correct the value, or the key."),
    IssueCode(
        "reference.missing", "error", "No record answers to this reference", "Correct the name, or add the record."
    ),
    IssueCode(
        "reference.ambiguous",
        "error",
        "Several records answer to this reference",
        "Use the key of the one that is meant.",
    ),
    IssueCode(
        "reference.rejected", "error", "The row refers to a row that is itself rejected", "Mend the row it refers to."
    ),
    IssueCode(
        "reference.cycle",
        "error",
        "The records refer to each other in a circle",
        "Break the circle at one of the rows.",
    ),
    IssueCode("rule.*", "error", "A rule of the catalog is broken", "Correct one of the fields the rule names."),
    IssueCode(
        "conflict.ask", "error", "A stored record differs, and the policy is to ask", "Choose skip, update or version."
    ),
    IssueCode("conflict.stale", "error", "The record changed since the plan was made", "Make the plan again."),
)

CODES: dict[str, IssueCode] = {entry.code: entry for entry in _TABLE}


def find_code(code: str) -> IssueCode:
    """The entry of ``code``; any ``rule.<name>`` is the catalog's own and answers as ``rule.*``."""
    return CODES["rule.*" if code.startswith("rule.") else code]


def issue_table(
    code: str,
    *,
    source: str,
    message: str | pa.Array,
    entity: str | None = None,
    row_numbers: pa.Array | None = None,
    field: str | None = None,
    values: pa.Array | None = None,
    suggestion: str | pa.Array | None = None,
    severity: Severity | None = None,
) -> pa.Table:
    """Issues of one code as a table of :data:`SCHEMA`, one row per row number (or a single row)."""
    count = 1 if row_numbers is None else len(row_numbers)

    def column(value: str | pa.Array | None) -> pa.Array:
        if isinstance(value, pa.ChunkedArray):
            value = value.combine_chunks()
        if isinstance(value, pa.Array):
            return value.cast(pa.string())
        return pa.repeat(pa.scalar(value, pa.string()), count)

    return pa.table(
        [
            column(entity),
            column(source),
            pa.nulls(1, pa.int64()) if row_numbers is None else _whole(row_numbers).cast(pa.int64()),
            column(field),
            column(values),
            column(code),
            column(severity or find_code(code).severity),
            column(message),
            column(suggestion),
        ],
        schema=SCHEMA,
    )


def _whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def from_issues(issues: Iterable[Issue]) -> pa.Table:
    """A table of :data:`SCHEMA` from single issues."""
    rows = list(issues)
    if not rows:  # pyarrow imports pandas to make arrays of Python objects: 0.3 s nobody need wait for
        return SCHEMA.empty_table()
    return pa.table(
        [pa.array([getattr(row, f.name) for row in rows], SCHEMA.field(f.name).type) for f in fields(Issue)],
        schema=SCHEMA,
    )


def to_issues(table: pa.Table) -> Iterator[Issue]:
    """The rows of ``table`` one by one."""
    for row in table.to_pylist():
        yield Issue(**row)


def has_errors(table: pa.Table) -> bool:
    """Whether one of the issues is an error."""
    return bool(pc.any(pc.equal(table.column("severity"), "error")).as_py())


def gather(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of all issues, in the order given."""
    return pa.concat_tables([SCHEMA.empty_table(), *tables])
