"""A page of a source's rows with every wrong cell marked at its place, as the editable grid shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog, Slot, slots
from engine.issues import Issue, find_code, to_issues
from engine.model import KEY_SEPARATOR, Source
from engine.notebook import Notebook, read_notebook
from engine.service import ImportExportService, Preview
from engine.views.staged import Texts, at_positions, current, row_numbers, texts_of

PAGE = 200
EQUAL_LIMIT = 100_000
"""More equal cells than this are not offered to be mended in one click: the step would hold each of them."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the grid. ``heading`` is the file's, None where the file has no such column."""

    slot: str
    label: str
    heading: str | None
    kind: str
    required: bool
    choices: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One issue at its cell. ``proposals`` would mend it; ``equal`` counts cells with the same text and issue."""

    code: str
    severity: str
    message: str
    proposals: tuple[str, ...] = ()
    equal: int = 1


@dataclass(frozen=True, slots=True)
class GridRow:
    """One row: the text of each column, and what is to be said of it.

    ``marks`` are by slot, "" meaning the whole row; ``edited`` holds the file's own text of each edited slot.
    """

    number: int
    texts: tuple[str | None, ...]
    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    edited: Mapping[str, str | None] = field(default_factory=dict)
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class GridPage:
    """Rows ``first`` to ``first + len(rows) - 1`` (from 0) of the ``total`` that pass the filter."""

    columns: tuple[Column, ...]
    rows: tuple[GridRow, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many issues of one code there are, and what the code means."""

    code: str
    severity: str
    count: int
    title: str
    mend: str


def issues_of(preview: Preview, source: Source) -> pa.Table:
    """The issues of one source."""
    return preview.run.issues.filter(pc.equal(preview.run.issues.column("source"), source.title))


def whole_issues(preview: Preview, source: Source) -> list[Issue]:
    """What is wrong with the source or a column as a whole."""
    found = issues_of(preview, source)
    return list(to_issues(found.filter(pc.is_null(found.column("row_number")))))


def code_counts(issues: pa.Table) -> list[CodeCount]:
    """Issues by code, errors first, then the most frequent."""
    grouped = issues.group_by(["code", "severity"]).aggregate([([], "count_all")]).to_pylist()
    counts = [
        CodeCount(
            item["code"],
            item["severity"],
            item["count_all"],
            find_code(item["code"]).title,
            find_code(item["code"]).mend,
        )
        for item in grouped
    ]
    return sorted(counts, key=lambda item: (item.severity != "error", -item.count, item.code))


def grid_page(
    service: ImportExportService,
    preview: Preview,
    number: int,
    *,
    page: int = 0,
    size: int = PAGE,
    problems: bool = False,
    code: str | None = None,
) -> GridPage:
    """A page of the rows of source ``number``: all of them, those with a problem, or those with one code."""
    source = source_of(preview, number)
    notebook = read_notebook(preview.batch.steps)
    issues = issues_of(preview, source)
    storage, batch = service.around.storage, preview.batch.id
    if problems or code:
        wanted = issues if code is None else issues.filter(pc.equal(issues.column("code"), code))
        numbers = np.asarray(pc.drop_null(wanted.column("row_number")))
        positions = np.flatnonzero(np.isin(row_numbers(storage, batch, source), numbers))
    else:
        positions = np.arange(source.rows)
    first = min(page * size, max(0, len(positions) - 1) // size * size)
    raw = at_positions(storage, batch, source, positions[first : first + size])
    columns = columns_of(service.catalog, source, notebook, issues)
    return GridPage(columns, _rows(raw, source, notebook, issues, columns), first, len(positions))


def source_of(preview: Preview, number: int) -> Source:
    """The batch's source with this number."""
    return next(source for source in preview.batch.sources if source.number == number)


def columns_of(catalog: Catalog, source: Source, notebook: Notebook, issues: pa.Table) -> tuple[Column, ...]:
    """The mapped columns in file order, then slots the file has no column for but an edit or an issue names."""
    mapped = current(source, notebook)
    if mapped.entity is None:
        return tuple(Column(name, name, name, "text", False) for name in source.columns)
    known = {slot.name: slot for slot in slots(catalog, catalog.entity(mapped.entity))}
    headings = {slot: column for column, slot in mapped.mapping.items() if slot in known}
    edited = {slot for cells in notebook.edits.get(source.number, {}).values() for slot in cells}
    in_rows = issues.filter(pc.is_valid(issues.column("row_number")))
    named = set(pc.unique(in_rows.column("field")).to_pylist())
    extra = [
        slot
        for slot in known.values()
        if slot.name not in headings and (slot.name in edited or slot.field.name in named)
    ]
    listed = [known[name] for name in headings] + extra
    return tuple(_column(slot, headings.get(slot.name)) for slot in listed)


def _column(slot: Slot, heading: str | None) -> Column:
    item = slot.field
    label = slot.name if slot.part else item.label or item.name
    return Column(slot.name, label.replace("_", " "), heading, item.kind, item.required, item.choices, item.example)


def _rows(
    raw: pa.Table, source: Source, notebook: Notebook, issues: pa.Table, columns: tuple[Column, ...]
) -> tuple[GridRow, ...]:
    if current(source, notebook).entity is None:
        numbers, laid = _unmapped(raw)
    else:
        numbers, laid = texts_of(raw, source, notebook)
    originals = _originals(raw, source, notebook)
    marks = _marks(issues, numbers, columns)
    excluded = notebook.excluded.get(source.number, set())
    return tuple(
        GridRow(
            number,
            tuple(row.get(column.slot) for column in columns),
            marks.get(number, {}),
            originals.get(number, {}),
            number in excluded,
        )
        for number, row in zip(numbers, laid, strict=True)
    )


def _unmapped(raw: pa.Table) -> tuple[list[int], list[Texts]]:
    rows = raw.to_pylist()
    return [int(row["__row"]) for row in rows], rows


def _originals(raw: pa.Table, source: Source, notebook: Notebook) -> dict[int, dict[str, str | None]]:
    """What the file says in each edited cell of these rows."""
    edits = notebook.edits.get(source.number, {})
    columns = {slot: column for column, slot in current(source, notebook).mapping.items()}
    touched = [row for row in raw.to_pylist() if row["__row"] in edits] if edits else []
    return {row["__row"]: {slot: row.get(columns.get(slot, "")) for slot in edits[row["__row"]]} for row in touched}


def _marks(issues: pa.Table, numbers: list[int], columns: tuple[Column, ...]) -> dict[int, dict[str, tuple[Mark, ...]]]:
    here = issues.filter(pc.is_in(issues.column("row_number"), value_set=pa.array(numbers, pa.int64())))
    equal = _equal_counts(issues, here)
    found: dict[int, dict[str, list[Mark]]] = {}
    for issue in to_issues(here):
        assert issue.row_number is not None
        mark = Mark(
            issue.code,
            issue.severity,
            issue.message,
            proposals_of(issue),
            equal.get((issue.field, issue.value, issue.code), 1),
        )
        for slot in _slots_named(issue.field, columns):
            found.setdefault(issue.row_number, {}).setdefault(slot, []).append(mark)
    return {number: {slot: tuple(listed) for slot, listed in cells.items()} for number, cells in found.items()}


def _equal_counts(issues: pa.Table, here: pa.Table) -> dict[tuple[str | None, str | None, str], int]:
    """How often each (field, value, code) of ``here`` that has a suggestion stands among all issues of the source."""
    helped = here.filter(pc.is_valid(here.column("suggestion")))
    if not helped.num_rows:
        return {}
    same = issues.filter(pc.is_in(issues.column("value"), value_set=pc.unique(helped.column("value"))))
    counted = same.group_by(["field", "value", "code"]).aggregate([([], "count_all")])
    return {(item["field"], item["value"], item["code"]): item["count_all"] for item in counted.to_pylist()}


def _slots_named(field_name: str | None, columns: tuple[Column, ...]) -> list[str]:
    """The grid columns an issue's field stands for; "" (the whole row) where there is none."""
    if field_name is None:
        return [""]
    return [c.slot for c in columns if c.slot == field_name or c.slot.startswith(f"{field_name}.")] or [""]


def proposals_of(issue: Issue) -> tuple[str, ...]:
    """The texts an issue suggests: both readings of an ambiguous date, else the one suggestion."""
    if not issue.suggestion or KEY_SEPARATOR in issue.suggestion:
        return ()
    if issue.code == "value.ambiguous_date":
        return tuple(issue.suggestion.split(" or "))
    return (issue.suggestion,)


def equal_rows(preview: Preview, number: int, slot: str, row: int, code: str) -> list[int]:
    """The rows of a source whose cell in ``slot`` has the same text and the same issue as the cell of ``row``."""
    issues = issues_of(preview, source_of(preview, number))
    same_kind = issues.filter(pc.and_(pc.equal(issues.column("field"), slot), pc.equal(issues.column("code"), code)))
    of_row = same_kind.filter(pc.equal(same_kind.column("row_number"), row))
    if not of_row.num_rows:
        return []
    value = of_row.column("value")[0]
    same = same_kind.column("value")
    alike = same_kind.filter(pc.is_null(same) if not value.is_valid else pc.equal(same, value))
    return sorted(set(alike.column("row_number").to_pylist()))[:EQUAL_LIMIT]
