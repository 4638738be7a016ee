"""Whole chunks of typed rows, checked by pandera.

pandera decides which checks a chunk fails; the rows that fail one are found by evaluating the same check's function,
because pandera's own list of failure cases costs many times the checking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog, Entity, Field
from engine.catalog.text import arrow_type, to_text
from engine.issues import gather, issue_table
from engine.model import KEY_SEPARATOR
from engine.processors.port import ROW
from engine.validation.cell_checks import CellCheck, RuleCheck, cell_checks, rule_check

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema


@dataclass(frozen=True, slots=True)
class Validated:
    """``issues`` hold whatever happens; ``missing_if_new`` only where the row becomes a new record."""

    issues: pa.Table
    missing_if_new: pa.Table


@dataclass(frozen=True, slots=True)
class Checks:
    """Everything the catalog asks of one entity's values: built once, used for every chunk."""

    entity: Entity
    cells: Mapping[str, tuple[CellCheck, ...]]
    rules: tuple[RuleCheck, ...]
    schema: DataFrameSchema


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one call of :func:`validate` looks at."""

    entity: Entity
    source: str
    rows: pa.Table
    failed: Mapping[str, pa.Array]
    cleared: Mapping[str, pa.Array]
    raw: pa.Table | None


def build_checks(catalog: Catalog, entity: Entity) -> Checks:
    """The pandera checks of ``entity``: its columns' types, presence, limits and forms, and its rules."""
    cells = {field.name: cell_checks(entity, field) for field in entity.fields}
    rules = tuple(rule_check(entity, rule) for rule in entity.rules)
    return Checks(entity, cells, rules, _schema(entity, cells, rules))


def validate(
    checks: Checks,
    rows: pa.Table,
    failed: Mapping[str, pa.Array],
    cleared: Mapping[str, pa.Array],
    source: str,
    raw: pa.Table | None = None,
) -> Validated:
    """All issues of a chunk of typed rows; a cell in ``failed`` has its issue already and gets no other.

    ``raw`` holds the texts the rows were read from, by slot, and is what the issues quote.
    """
    chunk = _Chunk(checks.entity, source, rows, failed, cleared, raw)
    broken_cells, broken_rules = _ask(checks, rows)
    always: list[pa.Table] = list(_refused_clears(chunk))
    if_new: list[pa.Table] = []
    for field in checks.entity.fields:
        seen: dict[str, pa.Array] = {}
        for number in broken_cells.get(field.name, ()):
            check = checks.cells[field.name][number]
            where = _where_broken(chunk, field, check, seen)
            (always if check.counts == "always" else if_new).append(_cell_issues(chunk, field, check, where))
    always += [_rule_issues(chunk, checks.rules[number]) for number in broken_rules]
    return Validated(gather(always), gather(if_new))


def _schema(
    entity: Entity, cells: Mapping[str, tuple[CellCheck, ...]], rules: tuple[RuleCheck, ...]
) -> DataFrameSchema:
    # These take 0.8 s to import, which is time for others to read the first rows.
    import pandas as pd
    from pandera.pandas import Check, Column, DataFrameSchema

    columns = {
        field.name: Column(
            pd.ArrowDtype(arrow_type(field)),
            [Check(_holds(check), name=check.code, ignore_na=False) for check in cells[field.name]],
            nullable=True,
            required=False,
        )
        for field in entity.fields
    }
    return DataFrameSchema(columns, [Check(_rule_holds(rule), name=rule.code, ignore_na=False) for rule in rules])


def _holds(check: CellCheck):  # type: ignore[no-untyped-def]
    """Whether no value of a series breaks the check; one answer for the whole column, which pandera takes as it is."""
    return lambda series: not pc.any(check.broken(_array(series))).as_py()


def _rule_holds(rule: RuleCheck):  # type: ignore[no-untyped-def]
    def holds(frame: pd.DataFrame) -> bool:
        if not set(rule.fields) <= set(frame.columns):
            return True
        return not pc.any(rule.broken(*[_array(frame[name]) for name in rule.fields])).as_py()

    return holds


def _array(series: pd.Series) -> pa.Array:
    return pa.array(series)


def _ask(checks: Checks, rows: pa.Table) -> tuple[dict[str, list[int]], list[int]]:
    """The numbers of the checks that some cell breaks, by field, and of the rules that some row breaks."""
    import pandas as pd
    from pandera.errors import SchemaErrorReason, SchemaErrors

    frame = rows.drop_columns([ROW]).to_pandas(types_mapper=pd.ArrowDtype)
    cells: dict[str, list[int]] = {}
    rules: list[int] = []
    try:
        checks.schema.validate(frame, lazy=True, inplace=True)
    except SchemaErrors as found:
        for error in found.schema_errors:
            if error.reason_code is not SchemaErrorReason.DATAFRAME_CHECK:
                raise
            if error.schema is checks.schema:
                rules.append(error.check_index)
            else:
                cells.setdefault(error.schema.name, []).append(error.check_index)
    return cells, rules


def _where_broken(chunk: _Chunk, field: Field, check: CellCheck, seen: dict[str, pa.Array]) -> pa.Array:
    """Where the check is broken and nothing else says so: not where conversion failed, nor twice with one code."""
    where = pc.fill_null(check.broken(_whole(chunk.rows[field.name])), False)
    others = [chunk.failed.get(field.name), seen.get(check.code)]
    if check.counts == "if_new":
        others.append(chunk.cleared.get(field.name))
    for other in others:
        where = where if other is None else pc.and_not(where, other)
    seen[check.code] = pc.or_(where, seen[check.code]) if check.code in seen else where
    return where


def _cell_issues(chunk: _Chunk, field: Field, check: CellCheck, where: pa.Array) -> pa.Table:
    texts = _texts(chunk, field.name, where)
    return issue_table(
        check.code,
        source=chunk.source,
        entity=chunk.entity.name,
        field=field.name,
        row_numbers=_whole(chunk.rows[ROW]).filter(where),
        values=texts,
        message=check.message,
        suggestion=check.suggest(texts) if check.suggest else None,
        severity=check.severity,
    )


def _rule_issues(chunk: _Chunk, check: RuleCheck) -> pa.Table:
    where = pc.fill_null(check.broken(*[_whole(chunk.rows[name]) for name in check.fields]), False)
    return issue_table(
        check.code,
        source=chunk.source,
        entity=chunk.entity.name,
        field=check.rule.left,
        row_numbers=_whole(chunk.rows[ROW]).filter(where),
        values=_texts(chunk, check.rule.left, where),
        message=check.message,
    )


def _refused_clears(chunk: _Chunk) -> Iterator[pa.Table]:
    """Issues for cells that clear what may not be blank; a cleared key is reported as a missing key."""
    for field in chunk.entity.fields:
        where = chunk.cleared.get(field.name)
        if where is None or field.nullable or field.name in chunk.entity.key:
            continue
        yield issue_table(
            "value.missing",
            source=chunk.source,
            entity=chunk.entity.name,
            field=field.name,
            row_numbers=_whole(chunk.rows[ROW]).filter(where),
            values=_texts(chunk, field.name, where),
            message=f"{field.label or field.name} is required and cannot be cleared: fill it in.",
        )


def _texts(chunk: _Chunk, name: str, where: pa.Array) -> pa.Array:
    """The raw texts of those cells, or the canonical ones where the raw text is not at hand."""
    if chunk.raw is not None and name in chunk.raw.column_names:
        return _whole(chunk.raw[name]).filter(where).cast(pa.string())
    typed = _whole(chunk.rows[name]).filter(where)
    return pc.replace_substring(to_text(typed, chunk.entity.field(name)), KEY_SEPARATOR, " / ")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
