"""What a partial commit leaves is an open batch of its own: the same sources, with only the rows that were refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.ledger import batches as ledger
from engine.model import Batch, Source
from engine.notebook import effective
from engine.planning.plan import ASK, BREAK, Plan
from engine.processors.port import ROW
from engine.resolver.rows import REJECTED, Checked
from engine.runs import staged_chunks, staged_path
from engine.storage import Storage


@dataclass(frozen=True, slots=True)
class Remainder:
    """Who makes the new batch, when, and under which id."""

    new_id: Callable[[], str]
    user: str
    at: str


def keep_remainder(
    connection: sa.Connection, storage: Storage, batch: Batch, checked: Checked, made: Plan, said: Remainder
) -> str | None:
    """The refused rows stand in an open batch, with the steps so far; answers its id, or None where none is left."""
    if not sum(planned.counts.reject for planned in made.entities.values()):
        return None
    id = said.new_id()
    rest = ledger.add_batch(
        connection, id=id, user=said.user, at=said.at, catalog=batch.catalog, options=batch.options, parent=batch.id
    )
    refused = _refused_rows(checked, made)
    for source in batch.sources:
        kept = _copy_rows(storage, batch.id, id, source, refused.get(source.number))
        ledger.add_source(connection, rest, replace(source, rows=kept))
    for step in effective(batch.steps):
        ledger.add_step(connection, rest, kind=step.kind, payload=step.payload, user=step.user, at=step.at)
    return id


def _refused_rows(checked: Checked, made: Plan) -> dict[int, np.ndarray]:
    """The row numbers each source still has to bring in."""
    found: dict[int, np.ndarray] = {}
    for name, rows in checked.rows.items():
        touched = made.entities[name].touched
        asked = touched.filter(pc.is_in(touched.column("action"), pa.array([ASK, BREAK]))).column("seq")
        left = rows.fate == REJECTED
        left[np.asarray(asked, dtype=np.int64) - 1] = True
        for span in rows.spans:
            inside = slice(span.first - 1, span.last)
            found[span.source] = rows.row_numbers[inside][left[inside]]
    return found


def _copy_rows(storage: Storage, batch: str, other: str, source: Source, rows: np.ndarray | None) -> int:
    """The source's staged rows with these numbers (None: all) are staged for the other batch too; answers how many."""
    count = 0
    staged, target = staged_path(storage, batch, source), staged_path(storage, other, source)
    with storage.parquet(staged) as file:
        schema = file.schema_arrow
    with storage.parquet_writer(target, schema) as writer:
        for chunk in staged_chunks(storage, batch, source):
            kept = chunk if rows is None else chunk.filter(pa.array(np.isin(np.asarray(chunk.column(ROW)), rows)))
            count += kept.num_rows
            writer.write(kept)
    storage.copy(_issues_beside(staged), _issues_beside(target))
    return count


def _issues_beside(staged: str) -> str:
    return staged.removesuffix(".parquet") + ".issues.parquet"
