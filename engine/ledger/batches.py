"""Batches, their sources and steps, and their results, as the ledger keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from engine.errors import RefusedError, UsageError
from engine.ledger.tables import batch as batches
from engine.ledger.tables import change, result, source, step, translate
from engine.model import Batch, Counts, ImportOptions, ImportResult, IssueCounts, Source, Step


def ledger(connection: sa.Connection) -> sa.Connection:
    """The connection under which the ledger's tables are found."""
    return connection.execution_options(schema_translate_map=translate(connection))


def add_batch(
    connection: sa.Connection, *, id: str, user: str, at: str, catalog: str, options: ImportOptions, parent: str | None
) -> Batch:
    """An open batch stands in the ledger."""
    inserted = ledger(connection).execute(
        batches.insert().values(
            id=id,
            status="open",
            user_name=user,
            created_at=at,
            catalog=catalog,
            parent=parent,
            options=_dump(asdict(options)),
        )
    )
    number = int(inserted.inserted_primary_key[0])  # type: ignore[index]
    return Batch(id, number, "open", user, at, catalog, parent, options)


def add_source(connection: sa.Connection, batch: Batch, item: Source) -> None:
    """The batch has one more source."""
    details = {
        "entity": item.entity,
        "columns": item.columns,
        "mapping": item.mapping,
        "rows": item.rows,
        "read": item.read,
        "facts": item.facts,
    }
    ledger(connection).execute(
        source.insert().values(
            batch=batch.number,
            number=item.number,
            name=item.name,
            part=item.part,
            sha256=item.sha256,
            size=item.size,
            details=_dump(details),
        )
    )


def add_step(
    connection: sa.Connection, batch: Batch, *, kind: str, payload: dict[str, Any], user: str, at: str
) -> Step:
    """The step is the batch's last; RefusedError where the batch is no longer open."""
    bound = ledger(connection)
    # The row is locked, so that two steps never get one number and none slips in while the batch is committed.
    own = sa.select(batches.c.status).where(batches.c.number == batch.number).with_for_update()
    status = bound.execute(own).scalar()
    if status != "open":
        raise RefusedError(f"The batch {batch.id} is {status}: it cannot be changed any more.")
    last = bound.execute(sa.select(sa.func.max(step.c.number)).where(step.c.batch == batch.number)).scalar() or 0
    bound.execute(
        step.insert().values(
            batch=batch.number, number=last + 1, kind=kind, payload=_dump(payload), user_name=user, at=at
        )
    )
    return Step(last + 1, kind, payload, user, at)


def load_batch(connection: sa.Connection, id: str) -> Batch:
    """The batch with its sources and steps; UsageError where there is none of that id."""
    bound = ledger(connection)
    row = bound.execute(sa.select(batches).where(batches.c.id == id)).one_or_none()
    if row is None:
        raise UsageError(f"There is no batch {id!r}: see the history for those there are.")
    sources = bound.execute(sa.select(source).where(source.c.batch == row.number).order_by(source.c.number)).all()
    steps = bound.execute(sa.select(step).where(step.c.batch == row.number).order_by(step.c.number)).all()
    return replace(
        _batch(row),
        sources=tuple(_source(item) for item in sources),
        steps=tuple(Step(s.number, s.kind, json.loads(s.payload), s.user_name, s.at) for s in steps),
    )


def list_batches(
    connection: sa.Connection, *, limit: int, status: str | None = None
) -> list[tuple[Batch, ImportResult | None]]:
    """The newest batches first, each with its result where it has been committed."""
    query = (
        sa.select(batches, result.c.result)
        .outerjoin(result, result.c.batch == batches.c.number)
        .order_by(batches.c.number.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(batches.c.status == status)
    bound = ledger(connection)
    rows = bound.execute(query).all()
    wanted = [row.number for row in rows]
    sources: dict[int, list[Source]] = {}
    for item in bound.execute(sa.select(source).where(source.c.batch.in_(wanted)).order_by(source.c.number)):
        sources.setdefault(item.batch, []).append(_source(item))
    return [
        (
            replace(_batch(row), sources=tuple(sources.get(row.number, ()))),
            read_result(row.result) if row.result else None,
        )
        for row in rows
    ]


def find_sha256(connection: sa.Connection, sha256: str) -> Batch | None:
    """The latest committed batch that held a file with these bytes."""
    row = (
        ledger(connection)
        .execute(
            sa.select(batches)
            .join(source, source.c.batch == batches.c.number)
            .where(source.c.sha256 == sha256, batches.c.status == "committed")
            .order_by(batches.c.number.desc())
            .limit(1)
        )
        .one_or_none()
    )
    return _batch(row) if row else None


def close_batch(connection: sa.Connection, batch: Batch, status: str) -> bool:
    """The batch has its final status; False where somebody else closed it before."""
    closed = ledger(connection).execute(
        batches.update().where(batches.c.number == batch.number, batches.c.status == "open").values(status=status)
    )
    return closed.rowcount == 1


def last_change(connection: sa.Connection) -> int:
    """The number of the log's last line, 0 where there is none."""
    return ledger(connection).execute(sa.select(sa.func.max(change.c.seq))).scalar() or 0


def add_result(
    connection: sa.Connection, batch: Batch, outcome: ImportResult, *, user: str, changes: tuple[int, int]
) -> None:
    """The batch's result stands beside its records."""
    ledger(connection).execute(
        result.insert().values(
            batch=batch.number,
            plan=outcome.plan,
            user_name=user,
            committed_at=outcome.committed_at,
            first_change=changes[0],
            last_change=changes[1],
            result=_dump(asdict(outcome)),
        )
    )


def load_result(connection: sa.Connection, batch: Batch) -> ImportResult | None:
    """What the batch's commit did, or None where there was none."""
    found = ledger(connection).execute(sa.select(result.c.result).where(result.c.batch == batch.number)).scalar()
    return read_result(found) if found else None


def read_result(text: str) -> ImportResult:
    """A result as it was written."""
    said = json.loads(text)
    said["entities"] = {name: Counts(**counts) for name, counts in said["entities"].items()}
    said["issues"] = IssueCounts(**said["issues"])
    return ImportResult(**said)


def _batch(row: sa.Row[Any]) -> Batch:
    options = json.loads(row.options)
    options["nulls"] = tuple(options["nulls"])
    return Batch(
        row.id, row.number, row.status, row.user_name, row.created_at, row.catalog, row.parent, ImportOptions(**options)
    )


def _source(row: sa.Row[Any]) -> Source:
    details = json.loads(row.details)
    columns: Sequence[str] = details["columns"]
    return Source(
        row.number,
        row.name,
        row.part,
        row.sha256,
        row.size,
        details["entity"],
        tuple(columns),
        details["mapping"],
        details["rows"],
        details["read"],
        details["facts"],
    )


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
