"""A page of the plan: rows of one entity that end in one action, each changed field with its text before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Entity, slots
from engine.issues import to_issues
from engine.model import Counts, Policy
from engine.notebook import read_notebook
from engine.planning.plan import ASK
from engine.resolver.rows import CheckedRows
from engine.runs import seqs_of
from engine.service import ImportExportService, Preview
from engine.views.grid import Column, source_of
from engine.views.staged import Texts, current, numbered, texts_of

SHOWN = ("insert", "update", "version", "ask", "skip", "reject", "unchanged")
"""The actions a plan is read by; ``ask`` are rows that wait for a decision and are counted as rejected until then."""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One row of the plan. ``before`` holds the stored text of each field that changes; ``reasons`` why not."""

    source: int
    source_name: str
    number: int
    texts: tuple[str | None, ...]
    before: Mapping[str, str | None] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Rows ``first`` to ``first + len(rows) - 1`` (from 0) of the ``total`` with this action."""

    columns: tuple[Column, ...]
    rows: tuple[PlannedRow, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class EntitySummary:
    """What the plan does to one entity: its counts (``ask`` apart from the rejected), and the policy in force."""

    name: str
    label: str
    counts: dict[str, int]
    rows: int
    policy: Policy


def summaries(service: ImportExportService, preview: Preview) -> list[EntitySummary]:
    """One summary per entity of the batch, in the order they are written."""
    notebook = read_notebook(preview.batch.steps)
    found = []
    for name, counts in preview.counts.items():
        entity = service.catalog.entity(name)
        policy = notebook.policies.get(name, preview.batch.options.policy or entity.policy)
        found.append(EntitySummary(name, label_of(entity), _counted(preview, name, counts), counts.rows, policy))
    return found


def label_of(entity: Entity) -> str:
    """What people call the entity."""
    return entity.label or entity.name.replace("_", " ").capitalize()


def _counted(preview: Preview, name: str, counts: Counts) -> dict[str, int]:
    asked = len(_asked(preview, name))
    listed = {action: getattr(counts, action) for action in SHOWN if action != "ask"}
    return {
        action: asked if action == "ask" else listed[action] - (asked if action == "reject" else 0) for action in SHOWN
    }


def _asked(preview: Preview, name: str) -> np.ndarray:
    touched = preview.run.plan.entities[name].touched
    return np.asarray(touched.filter(pc.equal(touched.column("action"), ASK)).column("seq"), dtype=np.int64)


def asked_rows(preview: Preview, name: str) -> dict[int, list[int]]:
    """The row numbers, by source, of an entity's rows that wait for a decision."""
    rows = preview.run.checked.rows[name]
    found: dict[int, list[int]] = {}
    for source, _, number in _places(rows, _asked(preview, name)):
        found.setdefault(source, []).append(number)
    return found


def plan_page(
    service: ImportExportService, preview: Preview, name: str, action: str, *, page: int = 0, size: int = 100
) -> PlanPage:
    """A page of the rows of entity ``name`` that end in ``action`` (one of :data:`SHOWN`)."""
    rows = preview.run.checked.rows[name]
    asked = _asked(preview, name)
    seqs = asked if action == "ask" else seqs_of(preview.run, name, action)
    if action == "reject" and len(asked):
        seqs = np.setdiff1d(seqs, asked)
    first = min(page * size, max(0, len(seqs) - 1) // size * size)
    chosen = seqs[first : first + size]
    before, after = _changed(preview, name, chosen)
    places = _places(rows, chosen)
    texts = _texts(service, preview, places)
    columns = _columns(service, rows.entity, texts.values())
    reasons = _reasons(preview, name, places) if action == "reject" else {}
    planned = []
    for seq, (source, source_name, number) in zip(chosen.tolist(), places, strict=True):
        cells = {**texts.get((source, number), {}), **after.get(seq, {})}
        planned.append(
            PlannedRow(
                source,
                source_name,
                number,
                tuple(cells.get(column.slot) for column in columns),
                before.get(seq, {}),
                reasons.get((source_name, number), ()),
            )
        )
    return PlanPage(columns, tuple(planned), first, len(seqs))


def _places(rows: CheckedRows, seqs: np.ndarray) -> list[tuple[int, str, int]]:
    """The source, its name and the row number of each row."""
    bounds = np.array([span.first for span in rows.spans], dtype=np.int64)
    at = np.searchsorted(bounds, seqs, side="right") - 1
    return [
        (rows.spans[place].source, rows.spans[place].name, int(rows.row_numbers[seq - 1]))
        for place, seq in zip(at.tolist(), seqs.tolist(), strict=True)
    ]


def _changed(
    preview: Preview, name: str, seqs: np.ndarray
) -> tuple[dict[int, dict[str, str | None]], dict[int, dict[str, str | None]]]:
    changes = preview.run.plan.entities[name].changes
    here = changes.filter(pc.is_in(changes.column("seq"), value_set=pa.array(seqs, pa.int64())))
    before: dict[int, dict[str, str | None]] = {}
    after: dict[int, dict[str, str | None]] = {}
    for item in here.to_pylist():
        before.setdefault(item["seq"], {})[item["field"]] = item["before"]
        after.setdefault(item["seq"], {})[item["field"]] = item["after"]
    return before, after


def _texts(
    service: ImportExportService, preview: Preview, places: list[tuple[int, str, int]]
) -> dict[tuple[int, int], Texts]:
    notebook = read_notebook(preview.batch.steps)
    found: dict[tuple[int, int], Texts] = {}
    for source in {source for source, _, _ in places}:
        item = source_of(preview, source)
        raw = numbered(service.around.storage, preview.batch.id, item, [n for s, _, n in places if s == source])
        numbers, laid = texts_of(raw, item, notebook)
        assert current(item, notebook).entity is not None
        found |= {(source, number): row for number, row in zip(numbers, laid, strict=True)}
    return found


def _columns(service: ImportExportService, entity: Entity, texts: object) -> tuple[Column, ...]:
    present = {slot for row in texts for slot in row}  # type: ignore[attr-defined]
    return tuple(
        Column(slot.name, slot.name.replace("_", " "), slot.name, slot.field.kind, slot.field.required)
        for slot in slots(service.catalog, entity)
        if slot.name in present
    )


def _reasons(preview: Preview, name: str, places: list[tuple[int, str, int]]) -> dict[tuple[str, int], tuple[str, ...]]:
    issues = preview.run.issues
    numbers = pa.array([number for _, _, number in places], pa.int64())
    here = issues.filter(
        pc.and_(pc.equal(issues.column("entity"), name), pc.is_in(issues.column("row_number"), value_set=numbers))
    )
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for issue in to_issues(here.filter(pc.equal(here.column("severity"), "error"))):
        place = (issue.source, issue.row_number or 0)
        found[place] = (*found.get(place, ()), issue.message)
    return found
