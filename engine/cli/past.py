"""The commands that tell what happened: ``history``, ``lineage`` and ``versions``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.door import Door, command, shown
from engine.cli.drawing import draw_counts, draw_table
from engine.cli.importing import result_value

if TYPE_CHECKING:
    from rich.console import Console

    from engine.ledger.history import Entry, Version
    from engine.lineage import Change

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="The record's entity.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The record's key; the parts of one with several: SO-1001/2.")]


def add_commands(app: typer.Typer) -> None:
    """``app`` has the commands."""

    @command(app, "history")
    def history(
        door: Door,
        batch: Annotated[
            str | None, typer.Argument(metavar="BATCH", help="One batch in full.", show_default=False)
        ] = None,
        limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many batches are listed.")] = 20,
    ) -> int:
        """List batches, or tell all about one.

        The newest come first; of one batch its sources, steps and result are told.
        """
        service = door.service()
        if batch is not None:
            entry = service.history_of(batch)
            door.answer(_full(entry), lambda console: _draw_entry(console, entry))
            return 0
        entries = service.history(limit)
        door.answer({"batches": [_brief(entry) for entry in entries]}, lambda console: _draw_entries(console, entries))
        return 0

    @command(app, "lineage")
    def lineage(
        door: Door,
        entity: EntityName,
        key: Key,
        field: Annotated[
            str | None, typer.Argument(metavar="FIELD", help="Only this field.", show_default=False)
        ] = None,
    ) -> int:
        """Tell every change of a record.

        The oldest comes first, each with the file, row and text it came from.
        """
        changes = door.service().lineage(entity, key, field)
        value = {"entity": entity, "key": key, "field": field, "changes": [asdict(change) for change in changes]}
        door.answer(value, lambda console: _draw_changes(console, changes))
        return 0

    @command(app, "versions")
    def versions(door: Door, entity: EntityName, key: Key) -> int:
        """List the kept earlier states of a record."""
        found = door.service().versions(entity, key)
        value = {"entity": entity, "key": key, "versions": [asdict(version) for version in found]}
        door.answer(value, lambda console: _draw_versions(console, found))
        return 0


def _brief(entry: Entry) -> dict[str, Any]:
    batch, result = entry.batch, entry.result
    return {
        "batch": batch.id,
        "status": batch.status,
        "user": batch.user,
        "created_at": batch.created_at,
        "parent": batch.parent,
        "files": list(dict.fromkeys(source.name for source in batch.sources)),
        "committed_by": entry.committed_by,
        "committed_at": result.committed_at if result else None,
        "entities": {name: asdict(counts) for name, counts in result.entities.items()} if result else None,
    }


def _full(entry: Entry) -> dict[str, Any]:
    batch = entry.batch
    told = ("number", "name", "part", "sha256", "size", "entity", "rows", "mapping", "read")
    sources = [{name: getattr(source, name) for name in told} for source in batch.sources]
    result = result_value(entry.result, None) if entry.result else None
    steps = [asdict(step) for step in batch.steps]
    return {**_brief(entry), "sources": sources, "steps": steps, "options": asdict(batch.options), "result": result}


def _draw_entries(console: Console, entries: list[Entry]) -> None:
    if not entries:
        console.print("Nothing was imported yet.")
        return
    rows = [
        (
            entry.batch.id,
            entry.batch.status,
            entry.committed_by or entry.batch.user,
            _time(entry.result.committed_at if entry.result else entry.batch.created_at),
            ", ".join(dict.fromkeys(source.name for source in entry.batch.sources)),
            f"{sum(counts.written for counts in entry.result.entities.values()):,}" if entry.result else "",
        )
        for entry in entries
    ]
    draw_table(console, ["batch", "status", "user", "time (UTC)", "files", "written"], rows, numbers=1)


def _draw_entry(console: Console, entry: Entry) -> None:
    batch = entry.batch
    opened = f"Batch {batch.id} is {batch.status}; opened by {batch.user} at {_time(batch.created_at)} UTC."
    console.print(shown(opened), soft_wrap=True)
    rows = [(source.name, source.part, source.entity, f"{source.rows:,}", source.sha256) for source in batch.sources]
    draw_table(console, ["file", "part", "entity", "rows", "sha256"], rows)
    if batch.steps:
        steps = [(step.number, step.kind, step.user, _time(step.at)) for step in batch.steps]
        draw_table(console, ["step", "kind", "user", "time (UTC)"], steps)
    if entry.result:
        draw_counts(console, entry.result.entities)
        committed = f"Committed by {entry.committed_by} at {_time(entry.result.committed_at)} UTC."
        console.print(shown(committed), soft_wrap=True)


def _draw_changes(console: Console, changes: list[Change]) -> None:
    if not changes:
        console.print("Portage never changed this record: it was there before, or came another way.", soft_wrap=True)
        return
    draw_table(
        console,
        ["time (UTC)", "user", "batch", "action", "field", "before", "after", "came from"],
        [
            (
                _time(change.commit.at if change.commit else None),
                change.commit.user if change.commit else None,
                change.commit.batch if change.commit else None,
                change.action,
                change.field,
                change.before,
                change.after,
                _came_from(change),
            )
            for change in changes
        ],
    )


def _came_from(change: Change) -> str:
    origin = change.origin
    if origin is None:
        return ""
    part = f"#{origin.part}" if origin.part else ""
    edited = f", edited by {origin.edit.user} to “{origin.edit.text}”" if origin.edit else ""
    raw = f" “{origin.raw}”" if origin.columns and origin.raw is not None else ""
    return f"{origin.file}{part}:{origin.row_number}{raw}{edited}"


def _draw_versions(console: Console, found: list[Version]) -> None:
    if not found:
        console.print("No earlier state of this record was kept.")
        return
    headings = ["version", "until (UTC)", "user", "batch", *found[0].state]
    draw_table(
        console,
        headings,
        [
            (item.number, _time(item.commit.at), item.commit.user, item.commit.batch, *item.state.values())
            for item in found
        ],
    )


def _time(text: str | None) -> str:
    """A time of the ledger to the second."""
    return (text or "")[:19].replace("T", " ")
