"""What a committed batch changed, page by page, as the log has it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.database import connected
from engine.dialects.quoting import AS_IT_STANDS
from engine.dialects.records import Joins
from engine.ledger.batches import ledger
from engine.ledger.tables import change, result
from engine.model import KEY_SEPARATOR, Batch
from engine.service import ImportExportService


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of the log; ``field`` is None where the record was added."""

    entity: str
    record: str
    action: str
    field: str | None
    before: str | None
    after: str | None
    source: str
    row_number: int | None


def change_count(service: ImportExportService, batch: Batch) -> int:
    """How many lines of the log the batch's commit wrote."""
    with connected(service.database) as connection:
        query = sa.select(sa.func.count()).select_from(change).where(*_of(connection, batch))
        return int(ledger(connection).execute(query).scalar_one())


def change_page(service: ImportExportService, batch: Batch, *, page: int, size: int = 100) -> list[ChangeLine]:
    """A page of them, in the order they were written."""
    names = {source.number: source.title for source in batch.sources}
    with connected(service.database) as connection:
        query = sa.select(change).where(*_of(connection, batch)).order_by(change.c.seq)
        rows = ledger(connection).execute(query.limit(size).offset(page * size)).all()
        keys = _keys(connection, service, {(row.entity, row.record_id) for row in rows if row.record_id is not None})
    return [
        ChangeLine(
            row.entity,
            _shown(row.record_key or keys.get((row.entity, row.record_id)) or f"id {row.record_id}"),
            row.action,
            row.field,
            row.before,
            row.after,
            names.get(row.source, ""),
            row.row_number,
        )
        for row in rows
    ]


def _shown(key: str) -> str:
    return key.replace(KEY_SEPARATOR, " / ")


def _keys(
    connection: sa.Connection, service: ImportExportService, named: set[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    """What people call the records with these ids, as far as they still exist."""
    records = service.around.records
    found: dict[tuple[str, int], str] = {}
    for name in {entity for entity, _ in named if entity in service.catalog}:
        entity = service.catalog.entity(name)
        if entity.id is None:
            continue
        joins = Joins()
        id, key = f"t.{records.quote(entity.id)}", records.key_text(entity, "t", joins)
        listed = ", ".join(str(int(record)) for of, record in named if of == name)
        sql = f"SELECT {id}, {key} FROM {records.table(entity)} AS t {joins} WHERE {id} IN ({listed})"
        keys = connection.exec_driver_sql(sql, execution_options=AS_IT_STANDS)
        found |= {(name, int(record)): text for record, text in keys if text is not None}
    return found


def _of(connection: sa.Connection, batch: Batch) -> list[sa.ColumnElement[bool]]:
    """The batch's lines: between its first and its last, since an index on the batch would cost a third of the log."""
    found = ledger(connection).execute(
        sa.select(result.c.first_change, result.c.last_change).where(result.c.batch == batch.number)
    )
    first, last = next(iter(found.all()), (1, 0))
    return [change.c.seq.between(first, last), change.c.batch == batch.number]
