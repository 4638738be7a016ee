"""Reads back what the ledger keeps: batches with their results, the lines of the log, the kept versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.ledger.batches import ledger, list_batches, load_batch, load_result
from engine.ledger.tables import batch as batches
from engine.ledger.tables import change, result, version
from engine.model import Batch, ImportResult


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch in the history; ``result`` and ``committed_by`` are None until it is committed."""

    batch: Batch
    result: ImportResult | None
    committed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit of a batch: what every line of the log and every version refers to."""

    batch: str
    user: str
    at: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log; ``field`` is None where the record was inserted."""

    action: str
    field: str | None
    before: str | None
    after: str | None
    batch: int
    source: int | None
    row_number: int | None


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier state of a record, by field; the commit is the one that replaced it."""

    number: int
    state: dict[str, str | None]
    commit: Commit


@dataclass(frozen=True, slots=True)
class RecordName:
    """How the log names a record: by its integer id, or by its key's text where it has none.

    ``keys`` are the spellings of that text.
    """

    entity: str
    id: int | None
    keys: tuple[str, ...]


def read_history(connection: sa.Connection, *, limit: int) -> list[Entry]:
    """The newest batches first."""
    found = list_batches(connection, limit=limit)
    people = read_commits(connection, [batch.number for batch, _ in found])
    return [Entry(batch, outcome, _person(people.get(batch.number))) for batch, outcome in found]


def read_entry(connection: sa.Connection, id: str) -> Entry:
    """One batch with its sources and steps; UsageError where there is none of that id."""
    batch = load_batch(connection, id)
    people = read_commits(connection, [batch.number])
    return Entry(batch, load_result(connection, batch), _person(people.get(batch.number)))


def _person(commit: Commit | None) -> str | None:
    return commit.user if commit else None


def read_commits(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, Commit]:
    """The commit of each batch that has one, by the batch's number."""
    query = (
        sa.select(batches.c.number, batches.c.id, result.c.user_name, result.c.committed_at)
        .join(result, result.c.batch == batches.c.number)
        .where(batches.c.number.in_(list(numbers)))
    )
    return {row.number: Commit(row.id, row.user_name, row.committed_at) for row in ledger(connection).execute(query)}


def read_lines(connection: sa.Connection, record: RecordName) -> list[Line]:
    """Every line of the log about a record, oldest first."""
    query = sa.select(change).where(*_about(change, record)).order_by(change.c.seq)
    return [
        Line(row.action, row.field, row.before, row.after, row.batch, row.source, row.row_number)
        for row in ledger(connection).execute(query)
    ]


def read_versions(connection: sa.Connection, record: RecordName) -> list[Version]:
    """The record's earlier states, oldest first."""
    query = sa.select(version).where(*_about(version, record)).order_by(version.c.number)
    rows = ledger(connection).execute(query).all()
    commits = read_commits(connection, [row.batch for row in rows])
    return [Version(row.number, json.loads(row.state), commits[row.batch]) for row in rows]


def _about(table: sa.Table, record: RecordName) -> list[sa.ColumnElement[Any]]:
    named = table.c.record_id == record.id if record.id is not None else table.c.record_key.in_(record.keys)
    return [table.c.entity == record.entity, named]
