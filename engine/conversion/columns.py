"""Whole columns of text into typed columns; cells that resist are read one by one, each distinct text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog, Entity, Field, Slot, slots
from engine.conversion.cells import Problem
from engine.conversion.readers import Reader, reader_of
from engine.issues import gather, issue_table
from engine.model import KEY_SEPARATOR
from engine.processors.port import ROW

PART_SEPARATOR = KEY_SEPARATOR
"""Joins the parts of a reference to a composite key in its one column."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What the user says of the texts: tokens that mean "clear this value", and the declared order of day and month."""

    nulls: tuple[str, ...] = ()
    day_first: bool | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """One typed column per field present, and ROW; blank, cleared and failed cells are null.

    ``failed`` and ``cleared`` hold a mask for each field that has such cells.
    """

    rows: pa.Table
    failed: dict[str, pa.BooleanArray]
    cleared: dict[str, pa.BooleanArray]
    issues: pa.Table


@dataclass(frozen=True, slots=True)
class _Column:
    """One field's column while it is read: ``reasons`` say for each failed cell which problem it has."""

    typed: pa.Array
    shown: pa.Array
    cleared: pa.Array | None = None
    failed: pa.Array | None = None
    problems: list[Problem] = field(default_factory=list)
    reasons: pa.Array = None


def convert(rows: pa.Table, catalog: Catalog, entity: Entity, source: str, options: ConvertOptions) -> Converted:
    """Every slot's text as its field's type, and an issue for every cell that could not be read.

    ``rows`` has text columns named by slot, and ROW. A field without any column stays without one. A date and
    time without a zone is taken as UTC. Blanks around anything but text do not count.

    ==========  =====    ============  ====
    ordered_on  __row    ordered_on    __row
    ==========  =====    ============  ====
    2026-03-31  2        2026-03-31    2
    03/02/2026  3        null          3       and value.ambiguous_date at row 3
    ==========  =====    ============  ====
    """
    numbers = _whole(rows[ROW])
    columns = {
        each: column
        for each, parts in _slots_by_field(catalog, entity)
        if (column := _convert_field(rows, each, parts, options)) is not None
    }
    tables = [table for each, column in columns.items() for table in _issues(column, each, entity, source, numbers)]
    return Converted(
        pa.table({**{each.name: column.typed for each, column in columns.items()}, ROW: numbers}),
        {each.name: column.failed for each, column in columns.items() if column.failed is not None},
        {each.name: column.cleared for each, column in columns.items() if column.cleared is not None},
        gather(tables),
    )


def _slots_by_field(catalog: Catalog, entity: Entity) -> Iterator[tuple[Field, list[Slot]]]:
    found = slots(catalog, entity)
    for each in entity.fields:
        yield each, [slot for slot in found if slot.field.name == each.name]


def _convert_field(rows: pa.Table, each: Field, parts: list[Slot], options: ConvertOptions) -> _Column | None:
    if not any(slot.name in rows.column_names for slot in parts):
        return None
    texts = [_text(rows, slot.name) for slot in parts]
    if parts[0].part is not None:
        return _join_parts(texts, options.nulls)
    kept, cleared = _without_tokens(texts[0], options.nulls)
    if each.kind in ("text", "reference"):
        return _keep_text(kept, cleared, trim=each.kind == "reference")
    return _read(_without_blanks(kept), cleared, reader_of(each, options.day_first))


def _text(rows: pa.Table, name: str) -> pa.Array:
    if name not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    texts = _whole(rows[name])
    return texts if pa.types.is_string(texts.type) else texts.cast(pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _without_tokens(texts: pa.Array, nulls: tuple[str, ...]) -> tuple[pa.Array, pa.Array | None]:
    """The texts without those that mean "clear this value", and where those were."""
    if not nulls:
        return texts, None
    cleared = pc.is_in(texts, pa.array(nulls, pa.string()))
    if not pc.any(cleared).as_py():
        return texts, None
    return pc.if_else(cleared, pa.scalar(None, pa.string()), texts), cleared


def _without_blanks(texts: pa.Array) -> pa.Array:
    """Empty texts as null."""
    if pc.min(pc.binary_length(texts)).as_py() != 0:
        return texts
    return pc.if_else(pc.equal(pc.binary_length(texts), 0), pa.scalar(None, pa.string()), texts)


_NUL = Problem("value.type", "{label} holds a NUL character, which a database cannot store: delete it.")
_SEPARATOR = Problem("value.type", "{label} holds a control character that Portage keeps for itself: delete it.")
_PART_BLANK = Problem(
    "value.missing", "{label} needs all the fields of the key it names: fill in the blank ones, or none."
)


def _keep_text(texts: pa.Array, cleared: pa.Array | None, *, trim: bool) -> _Column:
    """Text exactly as it is, or trimmed where it names a record; empty is null and NUL is a problem."""
    kept = _without_blanks(pc.utf8_trim_whitespace(texts) if trim else texts)
    return _refuse(_Column(kept, texts, cleared), (pc.match_substring(kept, "\0"), _NUL))


def _refuse(column: _Column, *refusals: tuple[pa.Array, Problem]) -> _Column:
    """The column with the cells of each mask failed for its reason; the first reason counts."""
    reasons = pa.nulls(len(column.typed), pa.int32())
    for number, (where, _) in enumerate(refusals):
        reasons = pc.if_else(
            pc.and_(pc.fill_null(where, False), pc.is_null(reasons)), pa.scalar(number, pa.int32()), reasons
        )
    if reasons.null_count == len(reasons):
        return column
    failed = pc.is_valid(reasons)
    typed = pc.if_else(failed, pa.scalar(None, column.typed.type), column.typed)
    problems = [problem for _, problem in refusals]
    return _Column(typed, column.shown, column.cleared, failed, problems, reasons.drop_null())


def _join_parts(texts: list[pa.Array], nulls: tuple[str, ...]) -> _Column:
    """The parts of a composite key as one text; null where all are blank, a problem where only some are."""
    shown = pc.binary_join_element_wise(*[pc.fill_null(text, "") for text in texts], " / ")
    pairs = [_without_tokens(text, nulls) for text in texts]
    parts = [_without_blanks(pc.utf8_trim_whitespace(kept)) for kept, _ in pairs]
    joined = pc.binary_join_element_wise(*parts, PART_SEPARATOR)
    is_blank = pc.is_null(pc.coalesce(*parts))
    masks = [mask for _, mask in pairs if mask is not None]
    cleared = pc.and_(_any_of(masks), is_blank) if masks else None
    column = _Column(joined, shown, cleared if masks and pc.any(cleared).as_py() else None)
    is_partial = pc.and_(pc.is_null(joined), pc.invert(is_blank))
    is_strange = _any_of([pc.fill_null(pc.match_substring_regex(part, "[\\x00\\x1f]"), False) for part in parts])
    return _refuse(column, (is_partial, _PART_BLANK), (is_strange, _SEPARATOR))


def _any_of(masks: list[pa.Array]) -> pa.Array:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found


def _read(texts: pa.Array, cleared: pa.Array | None, reader: Reader) -> _Column:
    """The texts as typed values: all at once where they allow it, else the odd ones one by one."""
    if reader.attempt is not None and (typed := reader.attempt(texts)) is not None:
        return _Column(typed, texts, cleared)
    if reader.guard is None or reader.cast is None:
        return _read_cells(texts, cleared, pa.nulls(len(texts), reader.type), pc.is_valid(texts), reader)
    is_plain = pc.match_substring_regex(texts, reader.guard)
    if pc.all(is_plain).as_py():
        return _Column(reader.cast(texts), texts, cleared)
    typed = reader.cast(pc.if_else(is_plain, texts, pa.scalar(None, pa.string())))
    return _read_cells(texts, cleared, typed, pc.fill_null(pc.invert(is_plain), False), reader)


def _read_cells(texts: pa.Array, cleared: pa.Array | None, typed: pa.Array, odd: pa.Array, reader: Reader) -> _Column:
    """``typed`` with the ``odd`` cells filled in, each distinct text read once."""
    encoded = texts.filter(odd).dictionary_encode()
    answers = [reader.cell(text) if (text := raw.strip(_BLANKS)) else None for raw in encoded.dictionary.to_pylist()]
    problems = list(dict.fromkeys(answer for answer in answers if isinstance(answer, Problem)))
    values = pa.array([None if isinstance(answer, Problem) else answer for answer in answers], reader.type)
    filled = pc.replace_with_mask(typed, odd, values.take(encoded.indices))
    if not problems:
        return _Column(filled, texts, cleared)
    places = {problem: place for place, problem in enumerate(problems)}
    chosen = pa.array([places.get(answer) if isinstance(answer, Problem) else None for answer in answers], pa.int32())
    reasons = chosen.take(encoded.indices)
    failed = pc.replace_with_mask(pa.repeat(pa.scalar(False), len(texts)), odd, pc.is_valid(reasons))
    return _Column(filled, texts, cleared, failed, problems, reasons.drop_null())


_BLANKS = " \t\r\n"


def _issues(column: _Column, each: Field, entity: Entity, source: str, numbers: pa.Array) -> Iterable[pa.Table]:
    """The issues of one column, one table per code."""
    if column.failed is None:
        return
    example = each.example or ("" if each.kind in ("text", "reference") else reader_of(each, None).example)
    label = each.label or each.name
    messages = pa.array(
        [problem.message.replace("{label}", label).replace("{example}", example) for problem in column.problems]
    )
    suggestions = pa.array([problem.suggestion for problem in column.problems], pa.string())
    codes = pa.array([problem.code for problem in column.problems]).take(column.reasons)
    rows, shown = numbers.filter(column.failed), column.shown.filter(column.failed)
    for code in codes.unique().to_pylist():
        here = pc.equal(codes, code)
        reasons = column.reasons.filter(here)
        yield issue_table(
            code,
            source=source,
            entity=entity.name,
            field=each.name,
            row_numbers=rows.filter(here),
            values=shown.filter(here),
            message=messages.take(reasons),
            suggestion=suggestions.take(reasons),
        )
