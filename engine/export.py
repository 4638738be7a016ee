"""The way out: store -> export -> processors -> file.

All files of one export show the database at one instant, and appear together: references as keys, values as
canonical text, under the very slots an import reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, slots
from engine.catalog.order import dependency_order
from engine.database import connected
from engine.dialects.records import Joins, Records
from engine.errors import UsageError
from engine.model import ExportOptions, ExportResult
from engine.processors.port import Processor, WritePart
from engine.where import Condition, condition_sql, conditions, meaning
from engine.whole_files import appearing, file_name

Progress = Callable[[str, int, int], None]
COUNT = pa.schema([("count", pa.int64())])


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an export goes, and in which format; ``metadata`` is what its files say about it."""

    folder: Path
    format: str
    processor: Processor
    metadata: dict[str, Any] = field(default_factory=dict)


def export_records(
    records: Records, database: sa.Engine, options: ExportOptions, destination: Destination, progress: Progress
) -> ExportResult:
    """The chosen records stand in the destination's folder; UsageError for an unknown entity, field or value."""
    started = time.perf_counter()
    entities = chosen(records.catalog, options.entities)
    wanted = conditions(records.catalog, entities, options.where)
    documents = _documents(destination.format, entities)
    written: dict[str, int] = {}
    with (
        appearing(destination.folder, list(documents)) as places,
        snapshot(database) as connection,
        ExitStack() as opened,
    ):
        selections = {entity.name: _select(records, entity, wanted) for entity in entities}
        total = sum(selection.count(connection, records) for selection in selections.values())
        reading = _Reading(connection, records, selections, total, progress, opened)
        for name, listed in documents.items():
            parts = [reading.part(entity) for entity in listed]
            with places[name].open("wb") as file:
                written |= destination.processor.write(file, parts, destination.metadata)
    files = tuple(str(destination.folder / name) for name in documents)
    return ExportResult(written, files, round(time.perf_counter() - started, 3))


def chosen(catalog: Catalog, names: Sequence[str]) -> list[Entity]:
    """The entities of these names (none: all) in dependency order."""
    for name in names:
        if name not in catalog:
            known = ", ".join(entity.name for entity in catalog.entities)
            raise UsageError(f"The catalog has no entity {name!r}: it has {known}.")
    return [entity for entity in dependency_order(catalog) if not names or entity.name in names]


def _documents(format: str, entities: list[Entity]) -> dict[str, list[Entity]]:
    """Which entities each file holds: JSON takes all in one document, the other formats one each."""
    if format == "json":
        name = entities[0].name if len(entities) == 1 else "portage"
        return {file_name(name, format): entities}
    return {file_name(entity.name, format): [entity] for entity in entities}


@contextmanager
def snapshot(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that sees the database at one instant, whatever is committed meanwhile."""
    with connected(database) as connection:
        if database.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", no_parameters=True)
        with connection.begin():
            if database.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                connection.exec_driver_sql("SET LOCAL datestyle TO 'ISO'")
                connection.exec_driver_sql("SET LOCAL standard_conforming_strings TO on")
            yield connection


@dataclass(frozen=True, slots=True)
class _Selection:
    """The SQL of one entity's records: its columns as text, and from where in which order."""

    columns: tuple[str, ...]
    source: str
    order: str

    def count(self, connection: sa.Connection, records: Records) -> int:
        """How many records it selects."""
        batches = records.dialect.read(connection, f"SELECT count(*) {self.source}", COUNT)
        return sum(int(batch.column(0)[0].as_py()) for batch in batches)

    @property
    def sql(self) -> str:
        """The whole query."""
        return f"SELECT {', '.join(self.columns)} {self.source} {self.order}"


def _select(records: Records, entity: Entity, wanted: list[Condition]) -> _Selection:
    joins = Joins()
    columns = tuple(
        f"{records.slot_text(slot.field, slot.part, 't', joins)} AS c{number}"
        for number, slot in enumerate(slots(records.catalog, entity))
    )
    met = [condition_sql(records, item, "t", joins) for item in wanted if item.entity == entity.name]
    where = f"WHERE {' AND '.join(met)}" if met else ""
    return _Selection(columns, f"FROM {records.table(entity)} AS t {joins} {where}", _order(records, entity))


def _order(records: Records, entity: Entity) -> str:
    """By id, which is the order of arrival; by key where the database counts none."""
    if entity.id is not None and entity.id_kind == "integer":
        return f"ORDER BY t.{records.quote(entity.id)}"
    keys = ", ".join(records.column("t", entity.field(name)) for name in entity.key)
    return f"ORDER BY {keys}"


@dataclass(slots=True)
class _Reading:
    """Reads selection after selection, and tells how far it is.

    ``opened`` ends a reading that was broken off: a transaction cannot be rolled back while it is being read from.
    """

    connection: sa.Connection
    records: Records
    selections: dict[str, _Selection]
    total: int
    progress: Progress
    opened: ExitStack
    done: int = 0

    def part(self, entity: Entity) -> WritePart:
        """The entity's records as a processor writes them."""
        found = slots(self.records.catalog, entity)
        named = {slot.name: meaning(self.records.catalog, slot) for slot in found}
        kinds: dict[str, str] = {name: item.kind for name, item in named.items() if item is not None}
        names = tuple(slot.name for slot in found)
        chunks = self._chunks(entity.name, names)
        self.opened.callback(chunks.close)
        return WritePart(entity.name, names, chunks, kinds)

    def _chunks(self, entity: str, names: tuple[str, ...]) -> Generator[pa.Table, None, None]:
        schema = pa.schema([(name, pa.string()) for name in names])
        sql = self.selections[entity].sql
        for batch in self.records.dialect.read(self.connection, sql, schema):
            yield pa.Table.from_batches([batch])
            self.done += batch.num_rows
            self.progress("Exporting", self.done, self.total)
