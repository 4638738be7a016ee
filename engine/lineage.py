"""What happened to one record: every change with the file, row and raw text it came from, and its earlier states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, slots
from engine.dialects.records import Joins, Records
from engine.errors import UsageError
from engine.ledger.batches import load_batch
from engine.ledger.history import Commit, Line, RecordName, Version, read_commits, read_lines, read_versions
from engine.model import KEY_SEPARATOR, Batch, Source, Step
from engine.notebook import EDIT, Mapped, effective, read_notebook
from engine.processors.port import ROW
from engine.storage import Storage
from engine.where import key_sql


@dataclass(frozen=True, slots=True)
class CellEdit:
    """What somebody made of a cell before the batch was committed."""

    text: str
    user: str
    at: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: ``raw`` is the file's text under the headings ``columns``, ``edit`` its last edit."""

    file: str
    part: str
    row_number: int
    columns: tuple[str, ...]
    raw: str | None
    edit: CellEdit | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one field. In an insert ``before`` is None; ``origin`` is None where nobody knows it."""

    action: str
    field: str
    before: str | None
    after: str | None
    commit: Commit | None
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record as it is now, by field, and how the log names it."""

    entity: Entity
    name: RecordName
    state: dict[str, str | None]


def find_record(connection: sa.Connection, records: Records, entity: str, key: str) -> Record:
    """The record with the key a person wrote (``SO-1001/2``); UsageError where there is none."""
    if entity not in records.catalog:
        known = ", ".join(item.name for item in records.catalog.entities)
        raise UsageError(f"The catalog has no entity {entity!r}: it has {known}.")
    described = records.catalog.entity(entity)
    rows = _read(connection, records, described, key)
    if not rows:
        raise UsageError(f"There is no {entity} with the key {key!r}: a key is written as {_form(described)}.")
    if len(rows) > 1:
        raise UsageError(f"Several records of {entity} answer to {key!r}: put “ / ” between the parts of the key.")
    id, stored_key, *texts = rows[0]
    has_number = described.id is not None and described.id_kind == "integer"
    spellings = (stored_key or "", (stored_key or "").replace(KEY_SEPARATOR, " / "))
    name = RecordName(entity, int(id) if id is not None and has_number else None, spellings)
    return Record(described, name, dict(zip((item.name for item in described.fields), texts, strict=True)))


def _form(entity: Entity) -> str:
    return "/".join(name.upper() for name in entity.key)


def _read(connection: sa.Connection, records: Records, entity: Entity, key: str) -> list[tuple[str | None, ...]]:
    joins = Joins()
    id = f"CAST(t.{records.quote(entity.id)} AS text)" if entity.id else "NULL"
    texts = [records.field_text(item, "t", joins) for item in entity.fields]
    listed = [id, records.key_text(entity, "t", joins), *texts]
    columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(listed))
    met = key_sql(records, entity, key, "t", joins)
    schema = pa.schema([(f"c{number}", pa.string()) for number in range(len(listed))])
    sql = f"SELECT {columns} FROM {records.table(entity)} AS t {joins} WHERE {met}"
    found = pa.Table.from_batches(records.dialect.read(connection, sql, schema), schema)
    return [tuple(row.values()) for row in found.to_pylist()]


def changes_of(
    connection: sa.Connection, records: Records, storage: Storage, record: Record, item: str | None = None
) -> list[Change]:
    """Every change of the record, or of its field ``item``, oldest first; an insert is one change per field."""
    fields = [found.name for found in record.entity.fields]
    if item is not None and item not in fields:
        raise UsageError(f"There is no field {item!r} in {record.entity.name}: it has {', '.join(fields)}.")
    lines = read_lines(connection, record.name)
    commits = read_commits(connection, [line.batch for line in lines])
    origins = _Origins(connection, records.catalog, storage, record.entity)
    wanted = [item] if item else fields
    return [
        Change(action, name, before, after, commits.get(line.batch), origins.find(line, commits.get(line.batch), name))
        for line, action, name, before, after in _by_field(lines, record, wanted)
    ]


def _by_field(
    lines: list[Line], record: Record, wanted: list[str]
) -> Iterator[tuple[Line, str, str, str | None, str | None]]:
    """The lines with one field each. An insert gave a field what its next change found, or what is stored now."""
    for place, line in enumerate(lines):
        if line.field is not None:
            if line.field in wanted:
                yield line, line.action, line.field, _shown(line.before), _shown(line.after)
            continue
        for name in wanted:
            later = next((other.before for other in lines[place + 1 :] if other.field == name), record.state[name])
            yield line, line.action, name, None, _shown(later)


def _shown(text: str | None) -> str | None:
    return text.replace(KEY_SEPARATOR, " / ") if text else text


def versions_of(connection: sa.Connection, record: Record) -> list[Version]:
    """The record's earlier states, oldest first, each with its fields in the catalog's order."""
    order = [item.name for item in record.entity.fields]
    return [
        Version(found.number, {name: _shown(found.state.get(name)) for name in order}, found.commit)
        for found in read_versions(connection, record.name)
    ]


@dataclass(slots=True)
class _Origins:
    """Finds the cells that changes came from; each batch and each staged row is read once."""

    connection: sa.Connection
    catalog: Catalog
    storage: Storage
    entity: Entity
    _batches: dict[str, Batch] = field(default_factory=dict)
    _rows: dict[tuple[str, int, int], dict[str, str | None]] = field(default_factory=dict)

    def find(self, line: Line, commit: Commit | None, name: str) -> Origin | None:
        """The cell of a field that a line of the log came from."""
        if commit is None or line.source is None or line.row_number is None:
            return None
        batch = self._batch(commit.batch)
        source = next((found for found in batch.sources if found.number == line.source), None)
        if source is None:
            return None
        slot_names = [slot.name for slot in slots(self.catalog, self.entity) if slot.field.name == name]
        by_slot = {slot: column for column, slot in _mapping(batch, source).items()}
        columns = tuple(by_slot[slot] for slot in slot_names if slot in by_slot)
        row = self._row(batch, source, line.row_number) if columns else {}
        cells = [row[column] or "" for column in columns if column in row]
        raw = " / ".join(cells) if cells else None
        edit = _edit(batch.steps, source.number, line.row_number, slot_names)
        return Origin(source.name, source.part, line.row_number, columns, raw, edit)

    def _batch(self, id: str) -> Batch:
        if id not in self._batches:
            self._batches[id] = load_batch(self.connection, id)
        return self._batches[id]

    def _row(self, batch: Batch, source: Source, row_number: int) -> dict[str, str | None]:
        place = (batch.id, source.number, row_number)
        if place not in self._rows:
            self._rows[place] = staged_row(self.storage, batch.id, source.number, row_number)
        return self._rows[place]


def _mapping(batch: Batch, source: Source) -> dict[str, str]:
    """The slot of each column, as last decided."""
    return read_notebook(batch.steps).mapped.get(source.number, Mapped(source.entity, source.mapping)).mapping


def _edit(steps: tuple[Step, ...], source: int, row_number: int, slot_names: list[str]) -> CellEdit | None:
    """The last edit of the cell that stands."""
    for step in reversed(effective(steps)):
        if step.kind != EDIT or step.payload["source"] != source:
            continue
        for cell in step.payload["cells"]:
            if cell["row"] == row_number and cell["slot"] in slot_names:
                return CellEdit(cell["text"], step.user, step.at)
    return None


def staged_row(storage: Storage, batch: str, source: int, row_number: int) -> dict[str, str | None]:
    """The texts of one row of a source by column; empty where the staged rows are gone.

    Only the row group that can hold the row is read.
    """
    path = storage.path(batch, "staged", f"{source}.parquet")
    if not storage.exists(path):
        return {}
    with storage.parquet(path) as file:
        place = file.schema_arrow.names.index(ROW)
        for group in range(file.num_row_groups):
            known = file.metadata.row_group(group).column(place).statistics
            if known is not None and known.has_min_max and not known.min <= row_number <= known.max:
                continue
            numbers = np.asarray(file.read_row_group(group, columns=[ROW]).column(0))
            at = np.flatnonzero(numbers == row_number)
            if len(at):
                row: dict[str, str | None] = file.read_row_group(group).slice(int(at[0]), 1).to_pylist()[0]
                row.pop(ROW)
                return row
    return {}
