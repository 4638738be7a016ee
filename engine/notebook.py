"""A batch is a notebook: what the screens show is a pure function of its sources and its steps.

Steps are only ever added. Undoing one adds a step that names it; a later step of the same act
wins over an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.model import Batch, Policy, Source, Step

EDIT, EXCLUDE, MAP, READ, POLICY, DECIDE, UNDO = "edit", "exclude", "map", "read", "policy", "decide", "undo"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Somebody's decision on a source: its entity (None: leave the source out) and the slot of each column."""

    entity: str | None
    mapping: dict[str, str]


@dataclass(slots=True)
class Notebook:
    """What the steps say, taken together.

    ``edits`` holds {source: {row number: {slot: text}}}, ``excluded`` {source: row numbers}, ``read`` how a source
    was last read,
    ``decisions`` {source: {row number: policy}}.
    """

    edits: dict[int, dict[int, dict[str, str]]] = field(default_factory=dict)
    excluded: dict[int, set[int]] = field(default_factory=dict)
    mapped: dict[int, Mapped] = field(default_factory=dict)
    read: dict[int, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    decisions: dict[int, dict[int, Policy]] = field(default_factory=dict)


def read_notebook(steps: Iterable[Step]) -> Notebook:
    """The effect of all steps that are not undone."""
    notebook = Notebook()
    for step in effective(steps):
        _apply(notebook, step)
    return notebook


def as_read(batch: Batch) -> Batch:
    """The batch with its sources as they were last read."""
    read = read_notebook(batch.steps).read
    return replace(batch, sources=tuple(_as_read(source, read.get(source.number)) for source in batch.sources))


def _as_read(source: Source, said: dict[str, Any] | None) -> Source:
    if said is None:
        return source
    return replace(
        source,
        entity=said["entity"],
        columns=tuple(said["columns"]),
        mapping=said["mapping"],
        rows=said["rows"],
        read=said["read"],
        facts=said["facts"],
        reading=said["reading"],
    )


def effective(steps: Iterable[Step]) -> list[Step]:
    """The steps that stand: neither undone nor themselves an undoing."""
    listed = list(steps)
    undone: set[int] = set()
    for step in reversed(listed):  # an undoing that was itself undone undoes nothing
        if step.kind == UNDO and step.number not in undone:
            undone.add(int(step.payload["step"]))
    return [step for step in listed if step.kind != UNDO and step.number not in undone]


def _apply(notebook: Notebook, step: Step) -> None:
    said = step.payload
    if step.kind == EDIT:
        rows = notebook.edits.setdefault(said["source"], {})
        for cell in said["cells"]:
            rows.setdefault(cell["row"], {})[cell["slot"]] = cell["text"]
    elif step.kind == EXCLUDE:
        notebook.excluded.setdefault(said["source"], set()).update(said["rows"])
    elif step.kind == READ:
        # What was said of the rows of an earlier reading says nothing of this one's.
        for said_before in (notebook.edits, notebook.excluded, notebook.mapped, notebook.decisions):
            said_before.pop(said["source"], None)
        notebook.read[said["source"]] = said
    elif step.kind == MAP:
        notebook.mapped[said["source"]] = Mapped(said["entity"], dict(said["mapping"]))
    elif step.kind == POLICY:
        notebook.policies[said["entity"]] = said["policy"]
    elif step.kind == DECIDE:
        notebook.decisions.setdefault(said["source"], {}).update(dict.fromkeys(said["rows"], said["policy"]))
