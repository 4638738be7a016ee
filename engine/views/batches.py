"""A batch as people see it: how its sources were read, what was done to it, and how far it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.database import connected
from engine.ledger import batches as ledger
from engine.model import Batch, ImportResult, Source, Step
from engine.notebook import DECIDE, EDIT, EXCLUDE, MAP, POLICY, READ, UNDO, Notebook, effective, read_notebook
from engine.service import ImportExportService, Preview
from engine.views.grid import issues_of, source_of
from engine.views.staged import at_positions, current, numbered, texts_of

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class ReadFact:
    """One thing found about a file: what, which, and whether it is certain."""

    name: str
    value: str
    certain: bool


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column of a source: its first texts, and the slot it is imported as (None: left out)."""

    column: str
    samples: tuple[str, ...]
    slot: str | None


@dataclass(frozen=True, slots=True)
class SourceView:
    """One recognised source and what became of its columns; ``earlier`` is a batch that committed the same bytes."""

    number: int
    title: str
    rows: int
    size: int
    entity: str | None
    why: str
    facts: tuple[ReadFact, ...]
    notes: tuple[str, ...]
    columns: tuple[MappedColumn, ...]
    earlier: str | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the notebook in a sentence; ``undone_by`` is the number of the step that took it out, if any."""

    number: int
    kind: str
    sentence: str
    user: str
    at: str
    undone_by: int | None = None


_FACTS = {"encoding": "Encoding", "delimiter": "Delimiter", "quote": "Quotation mark", "header_row": "Header row"}
_SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", '"': "double", "'": "single", " ": "space"}


def source_views(service: ImportExportService, batch: Batch) -> list[SourceView]:
    """Every source of the batch as it is read and mapped now."""
    notebook = read_notebook(batch.steps)
    with connected(service.database) as connection:
        earlier = {source.number: ledger.find_sha256(connection, source.sha256) for source in batch.sources}
    found = []
    for source in batch.sources:
        before = earlier[source.number]
        known = before.id if before is not None and before.id != batch.id else None
        found.append(_source_view(service, batch, source, notebook, known))
    return found


def _source_view(
    service: ImportExportService, batch: Batch, source: Source, notebook: Notebook, earlier: str | None
) -> SourceView:
    mapped = current(source, notebook)
    first = at_positions(service.around.storage, batch.id, source, np.arange(min(SAMPLES, source.rows)))
    samples = {name: tuple(text or "" for text in first.column(name).to_pylist()) for name in source.columns}
    columns = tuple(MappedColumn(name, samples[name], mapped.mapping.get(name)) for name in source.columns)
    why = str(source.facts.get("why", ""))
    if source.number in notebook.mapped and mapped.entity != source.entity:
        why = "chosen by hand"
    elif why == "chosen":
        why = "as the file or whoever brought it says"
    return SourceView(
        source.number,
        source.title,
        source.rows,
        source.size,
        mapped.entity,
        why,
        _facts(source),
        tuple(source.facts.get("notes", ())),
        columns,
        earlier,
    )


def _facts(source: Source) -> tuple[ReadFact, ...]:
    certain: dict[str, bool] = source.facts.get("certain", {})
    found = [ReadFact("Format", str(source.facts.get("format", "")).upper(), True)]
    for key, name in _FACTS.items():
        value: Any = source.read.get(key)
        if value is not None and key in certain:
            found.append(ReadFact(name, _SIGNS.get(value, str(value)), certain[key]))
    return tuple(found)


def step_views(batch: Batch) -> list[StepView]:
    """The batch's notebook: every step but the undoings, oldest first."""
    undone = undone_steps(batch)
    names = {source.number: source.title for source in batch.sources}
    return [
        StepView(step.number, step.kind, _sentence(step, names), step.user, step.at, undone.get(step.number))
        for step in batch.steps
        if step.kind != UNDO
    ]


def undone_steps(batch: Batch) -> dict[int, int]:
    """The steps that do not stand, each with the undoing that took it out."""
    standing = {step.number for step in effective(batch.steps)}
    undoings = [step for step in batch.steps if step.kind == UNDO]
    return {int(step.payload["step"]): step.number for step in undoings if int(step.payload["step"]) not in standing}


def _sentence(step: Step, names: dict[int, str]) -> str:
    said = step.payload
    name = names.get(said.get("source", 0), "")
    if step.kind == EDIT:
        return _edit_sentence(said["cells"], name)
    if step.kind == EXCLUDE:
        return f"{name}: left out {_rows(said['rows'])}"
    if step.kind == MAP:
        return f"{name}: read as {said['entity'].replace('_', ' ')}" if said["entity"] else f"{name}: left out"
    if step.kind == READ:
        return f"{name}: read again, {_read_sentence(said['read'])}"
    if step.kind == POLICY:
        return f"{said['entity'].replace('_', ' ')}: {said['policy']} records that differ"
    if step.kind == DECIDE:
        return f"{name}: {said['policy']} {_rows(said['rows'])}"
    return f"{step.kind} {name}".strip()


def _read_sentence(options: dict[str, Any]) -> str:
    said = {_FACTS[key]: _SIGNS.get(str(value), str(value)) for key, value in options.items() if value is not None}
    return ", ".join(f"{name.lower()} {value}" for name, value in said.items())


def _edit_sentence(cells: list[dict[str, Any]], name: str) -> str:
    first = cells[0] if cells else {"row": 0, "slot": "", "text": ""}
    slot = str(first["slot"]).replace("_", " ")
    text = f"“{first['text']}”" if first["text"] else "blank"
    if len(cells) == 1:
        return f"{name} row {first['row']}: {slot} is now {text}"
    if len({(cell["slot"], cell["text"]) for cell in cells}) == 1:
        return f"{name}: {slot} is now {text} in {len(cells)} rows"
    return f"{name}: {len(cells)} cells edited"


def _rows(rows: list[int]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else f"{len(rows)} rows"


def result_of(service: ImportExportService, batch: Batch) -> ImportResult | None:
    """What the batch's commit did, or None where there was none."""
    with connected(service.database) as connection:
        return ledger.load_result(connection, batch)


def refused_csv(service: ImportExportService, preview: Preview, number: int) -> bytes:
    """The rows of a source that have an error, as they stand after edits, with row number and reasons beside them.

    The file can be mended and imported again: its headings are slots, and the two further columns are ignored.
    """
    source = source_of(preview, number)
    reasons: dict[int, list[str]] = {}
    for issue in issues_of(preview, source).to_pylist():
        if issue["severity"] == "error" and issue["row_number"] is not None:
            reasons.setdefault(issue["row_number"], []).append(issue["message"])
    notebook = read_notebook(preview.batch.steps)
    raw: pa.Table = numbered(service.around.storage, preview.batch.id, source, sorted(reasons))
    numbers, laid = texts_of(raw, source, notebook)
    names = list(dict.fromkeys(name for row in laid for name in row))
    rows = (
        (*(row.get(name) for name in names), at, " ".join(reasons[at])) for at, row in zip(numbers, laid, strict=True)
    )
    return _csv([*names, "row number", "issues"], rows)


def _csv(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow(headings)
    writer.writerows(rows)
    return sink.getvalue().encode("utf-8-sig")
