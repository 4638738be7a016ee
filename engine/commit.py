"""Stage 7: plan -> result. Carries out exactly the plan, inside the transaction it was checked in.

Records are inserted entity by entity, then linked where entities refer to each other in a circle, then
changed; the log and the versions are written by the same statements' sets. Nothing here commits:
the transaction's owner does, once, after the result is written too.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from engine.catalog.model import Field
from engine.catalog.text import default_value
from engine.dialects.port import SEQ
from engine.dialects.records import SEPARATOR, Joins
from engine.errors import StalePlanError
from engine.ledger.tables import translate
from engine.planning.plan import INSERT, UPDATE, VERSION, EntityPlan, Plan
from engine.planning.words import EntityWords, M, S, T
from engine.resolver.rows import CANDIDATE, ROW_NUMBER, SOURCE

BULK = 20_000
"""From so many inserts into an empty table on, its secondary indexes are built afterwards: sorting beats seeking."""


@dataclass(frozen=True, slots=True)
class NewIds:
    """The ids of an entity's new records: ``base`` plus the row's ordinal, or the ``record`` of a staged table."""

    base: int
    table: str | None

    def of(self, seq: str, alias: str) -> str:
        """SQL of the new id of the row numbered ``seq``; ``alias`` is the joined table's."""
        return f"{alias}.record" if self.table else f"({self.base} + {seq})"


def carry_out(
    connection: sa.Connection,
    words: Mapping[int, EntityWords],
    plan: Plan,
    batch: int,
    *,
    rebuild_constraints: bool = False,
) -> None:
    """The plan's records, versions and changes stand in the database, uncommitted.

    Raises StalePlanError where a row waits for the id of another that is not inserted any more.
    """
    _refuse_strangers(connection, words, plan)
    ids: dict[int, NewIds] = {}
    for number, entity_words in words.items():
        planned = plan.entities[entity_words.rows.entity.name]
        ids[number] = _new_ids(connection, entity_words, planned)
        _insert(connection, entity_words, planned, ids, rebuild_constraints=rebuild_constraints)
        _log_inserts(connection, entity_words, words, planned, ids[number], batch)
    for entity_words in words.values():
        planned = plan.entities[entity_words.rows.entity.name]
        if planned.counts.insert:
            _link(connection, entity_words, planned, ids)
        if planned.counts.version:
            _keep_versions(connection, entity_words, batch)
        if planned.counts.update or planned.counts.version:
            _update(connection, entity_words, planned, ids)
            _log_changes(connection, entity_words, words, batch)


def _refuse_strangers(connection: sa.Connection, words: Mapping[int, EntityWords], plan: Plan) -> None:
    """A row that was new when references were resolved may have met a record since: its new id is nobody's."""
    for own in words.values():
        for item in own.rows.entity.references:
            pending = own.pending(item)
            if pending is None or item.reference is None:
                continue
            target = words[own.pending_number[item.name]]
            waits = item.reference.column == target.rows.entity.id
            if not waits or plan.entities[target.rows.entity.name].inserts is None:
                continue
            inserted = f'SELECT 1 FROM {target.staged("action")} AS {M} WHERE {M}."{SEQ}" = {pending}'
            lost = connection.exec_driver_sql(
                f"SELECT EXISTS (SELECT 1 FROM {own.staged('rows')} AS {S} {own.late_joins()}"
                f" WHERE {pending} IS NOT NULL AND NOT EXISTS ({inserted} AND {M}.action = {INSERT}))"
            )
            if lost.scalar():
                raise StalePlanError(
                    f"A record of {target.rows.entity.name} appeared while the import was checked: "
                    "nothing was written. Import it again."
                )


def _new_ids(connection: sa.Connection, words: EntityWords, planned: EntityPlan) -> NewIds:
    entity = words.rows.entity
    if not planned.counts.insert or entity.id is None:
        return NewIds(0, None)
    dense = planned.inserts is None and bool((words.rows.fate == CANDIDATE).all())
    base = (
        words.records.dialect.take_ids(connection, entity, planned.counts.insert) if entity.id_kind == "integer" else 0
    )
    if dense and entity.id_kind == "integer":
        return NewIds(base, None)
    seqs = np.flatnonzero(words.rows.fate == CANDIDATE) + 1 if planned.inserts is None else planned.inserts
    table = words.staged("insert")
    kind = "bigint" if entity.id_kind == "integer" else "text"
    words.stage.create(connection, f"insert_{words.number}", f'"{SEQ}" integer PRIMARY KEY, record {kind}')
    if entity.id_kind == "integer":
        records: list[int | str] = list(range(base + 1, base + len(seqs) + 1))
    else:
        records = [str(uuid.uuid4()) for _ in seqs]
    _fill(connection, table, list(zip(seqs.tolist(), records, strict=True)))
    return NewIds(base, table)


def _fill(connection: sa.Connection, table: str, rows: list[tuple[int, int | str]]) -> None:
    cursor = connection.connection.cursor()
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    cursor.executemany(f"INSERT INTO {table} VALUES ({mark}, {mark})", rows)
    cursor.close()


def _insert(
    connection: sa.Connection,
    words: EntityWords,
    planned: EntityPlan,
    ids: Mapping[int, NewIds],
    *,
    rebuild_constraints: bool,
) -> None:
    """The new records stand, but for references that are linked later."""
    if not planned.counts.insert:
        return
    entity = words.rows.entity
    table = ids[words.number].table
    joins = [f'JOIN {table} AS n ON n."{SEQ}" = {words.seq}' if table else _only_new(words, planned)]
    columns, values = [], []
    if entity.id is not None:
        columns.append(words.records.quote(entity.id))
        own = ids[words.number].of(words.seq, "n")
        values.append(f"CAST({own} AS uuid)" if words.has_native_uuid() else own)
    defaults = _database_defaults(connection, words)
    for item in entity.fields:
        value = _inserted(words, item, ids, joins, defaults)
        if value is not None:
            columns.append(words.records.quote(item.column))
            values.append(value)
    empty = planned.inserts is None and planned.counts.insert >= BULK and _is_empty(connection, words)
    late_indexes = words.records.dialect.without_indexes(connection, entity, also_constraints=rebuild_constraints)
    with late_indexes if empty else nullcontext():
        connection.exec_driver_sql(
            f"INSERT INTO {words.table} ({', '.join(columns)}) {words.records.dialect.with_ids}"
            f" SELECT {', '.join(values)}"
            f" FROM {words.staged('rows')} AS {S} {' '.join(joins)}"
        )


def _is_empty(connection: sa.Connection, words: EntityWords) -> bool:
    return not connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {words.table})").scalar()


def _only_new(words: EntityWords, planned: EntityPlan) -> str:
    """An entity without ids of its own has no table of them: its new rows are those planned as inserts."""
    if planned.inserts is None:
        return ""
    return f'JOIN {words.staged("action")} AS {M} ON {M}."{SEQ}" = {words.seq} AND {M}.action = {INSERT}'


def _inserted(
    words: EntityWords, item: Field, ids: Mapping[int, NewIds], joins: list[str], defaults: Mapping[str, str]
) -> str | None:
    """SQL of a field's value in a new record; None where the column is left out."""
    default = defaults.get(item.column)
    if item.name not in words.rows.present or item.name in words.late:
        return default if item.default is not None else None
    value = _assigned(words, item, ids, joins)
    if default is None:
        return value
    filled = f"coalesce({value}, {default})"
    cleared = words.cleared(item) if item.nullable else None
    return f"CASE WHEN {cleared} THEN NULL ELSE {filled} END" if cleared else filled


def _database_defaults(connection: sa.Connection, words: EntityWords) -> dict[str, str]:
    """SQL of the value of each column a blank cell of a new record gets: the catalog's default, or the database's."""
    found = {}
    for item in words.rows.entity.fields:
        if item.default is not None:
            found[item.column] = words.records.dialect.constant(default_value(item), item, words.types)
    if any(item.filled for item in words.rows.entity.fields):
        columns = sa.inspect(connection).get_columns(words.rows.entity.table, schema=words.rows.entity.schema)
        known = {column["name"]: column["default"] for column in columns if column["default"]}
        filled = {item.column for item in words.rows.entity.fields if item.filled and item.default is None}
        found |= {name: f"({known[name]})" for name in filled & set(known)}
    return found


def _assigned(words: EntityWords, item: Field, ids: Mapping[int, NewIds], joins: list[str]) -> str:
    """SQL of the value a row gives a field; a reference that waited for an id gets the new one."""
    value = words.value(item)
    pending = words.pending(item)
    if pending is None or item.reference is None:
        return value
    target = words.records.catalog.entity(item.reference.to)
    if item.reference.column != target.id:
        return value
    new = ids[words.pending_number[item.name]]
    alias = f"p{len(joins)}"
    if new.table:
        joins.append(f'LEFT JOIN {new.table} AS {alias} ON {alias}."{SEQ}" = {pending}')
    own = new.of(pending, alias)
    if target.id_kind == "uuid" and words.types.get(item.column) == "uuid":
        own = f"CAST({own} AS uuid)"
    return f"coalesce({value}, {own})"


def _link(connection: sa.Connection, words: EntityWords, planned: EntityPlan, ids: Mapping[int, NewIds]) -> None:
    """The references that had to wait lead from the new records to theirs."""
    for item in words.compared():
        if not words.is_late(item):
            continue
        joins: list[str] = []
        value = _assigned(words, item, ids, joins)
        own = ids[words.number]
        entity = words.rows.entity
        if entity.id is None:
            joins.append(_only_new(words, planned))
            met = words.same_key()
        else:
            if own.table:
                joins.append(f'JOIN {own.table} AS n ON n."{SEQ}" = {words.seq}')
            new = own.of(words.seq, "n")
            new = f"CAST({new} AS uuid)" if words.has_native_uuid() else new
            met = f"{T}.{words.records.quote(entity.id)} = {new}"
        connection.exec_driver_sql(
            f"UPDATE {words.table} AS {T} SET {words.records.quote(item.column)} = {value}"
            f" FROM {words.staged('rows')} AS {S} {words.late_joins()} {' '.join(joins)}"
            f" WHERE {met} AND ({words.raw(item)} IS NOT NULL OR {words.pending(item)} IS NOT NULL)"
        )


def _matched(words: EntityWords) -> tuple[str, str]:
    """Matches joined to their rows, and the condition that the record called T is the one they met."""
    rows = f'{words.staged("action")} AS {M} JOIN {words.staged("rows")} AS {S} ON {words.seq} = {M}."{SEQ}"'
    return f"{rows} {words.late_joins()}", words.is_record()


def _update(connection: sa.Connection, words: EntityWords, planned: EntityPlan, ids: Mapping[int, NewIds]) -> None:
    """Records of updates and versions hold the rows' values; a blank cell leaves what is stored.

    Only fields that differ in some row are set: setting an indexed column costs even where its value stays.
    """
    joins: list[str] = []
    sets = []
    changed = set(planned.changes.column("field").unique().to_pylist())
    for item in words.compared():
        if item.name not in changed:
            continue
        value = words.merged(item, _assigned(words, item, ids, joins))
        sets.append(f"{words.records.quote(item.column)} = {value}")
    rows, met = _matched(words)
    connection.exec_driver_sql(
        f"UPDATE {words.table} AS {T} SET {', '.join(sets)} FROM {rows} {' '.join(joins)}"
        f" WHERE {M}.action IN ({UPDATE}, {VERSION}) AND {met}"
    )


def _ledger(connection: sa.Connection, table: str) -> str:
    schema = translate(connection)[None]
    return f"{schema}.{table}" if schema else table


def _record_columns(words: EntityWords, record: str | None, key: str) -> tuple[str, str]:
    """SQL of (record_id, record_key): a record is named by its integer id, or by its key."""
    if words.rows.entity.id is not None and words.rows.entity.id_kind == "integer":
        return record or "NULL", "NULL"
    return "NULL", key


def _entity_literal(words: EntityWords) -> str:
    return "'" + words.rows.entity.name.replace("'", "''") + "'"


def _origin(words: EntityWords) -> str:
    return f'{S}."{SOURCE}", {S}."{ROW_NUMBER}"'


def _staged_key(words: EntityWords, others: Mapping[int, EntityWords], joins: Joins) -> str:
    """SQL of the key in words, where it is what names the record; NULL where an integer id does."""
    entity = words.rows.entity
    if entity.id is not None and entity.id_kind == "integer":
        return "NULL"
    return f" || {SEPARATOR} || ".join(words.after_text(entity.field(name), joins, others) for name in entity.key)


def _log_inserts(
    connection: sa.Connection,
    words: EntityWords,
    others: Mapping[int, EntityWords],
    planned: EntityPlan,
    ids: NewIds,
    batch: int,
) -> None:
    if not planned.counts.insert:
        return
    joins = Joins()
    record = ids.of(words.seq, "n") if words.rows.entity.id is not None else None
    record_id, record_key = _record_columns(words, record, _staged_key(words, others, joins))
    own = f'JOIN {ids.table} AS n ON n."{SEQ}" = {words.seq}' if ids.table else _only_new(words, planned)
    connection.exec_driver_sql(
        f"INSERT INTO {_ledger(connection, 'portage_change')}"
        " (batch, entity, record_id, record_key, action, source, row_number)"
        f" SELECT {batch}, {_entity_literal(words)}, {record_id}, {record_key}, 'insert', {_origin(words)}"
        f" FROM {words.staged('rows')} AS {S} {own} {joins}"
    )


def _log_changes(connection: sa.Connection, words: EntityWords, others: Mapping[int, EntityWords], batch: int) -> None:
    joins = Joins()
    record_id, record_key = _record_columns(words, f"{M}.record", _staged_key(words, others, joins))
    connection.exec_driver_sql(
        f"INSERT INTO {_ledger(connection, 'portage_change')}"
        " (batch, entity, record_id, record_key, action, field, before, after, source, row_number)"
        f" SELECT {batch}, {_entity_literal(words)}, {record_id}, {record_key},"
        f" CASE {M}.action WHEN {VERSION} THEN 'version' ELSE 'update' END,"
        f" c.field, c.before, c.after, {_origin(words)}"
        f' FROM {words.staged("change")} AS c JOIN {words.staged("action")} AS {M} ON {M}."{SEQ}" = c."{SEQ}"'
        f' JOIN {words.staged("rows")} AS {S} ON {words.seq} = c."{SEQ}" {joins}'
        f' WHERE {M}.action IN ({UPDATE}, {VERSION}) ORDER BY c."{SEQ}", c.place'
    )


def _keep_versions(connection: sa.Connection, words: EntityWords, batch: int) -> None:
    """The states that versions replace are kept whole, numbered on from the record's last."""
    joins = Joins()
    entity = words.rows.entity
    pairs = [(item.name, words.records.field_text(item, T, joins)) for item in entity.fields]
    key = words.records.key_text(entity, T, joins)
    record_id, record_key = _record_columns(words, f"{M}.record", key)
    column, own = ("record_id", record_id) if record_id != "NULL" else ("record_key", record_key)
    versions = _ledger(connection, "portage_version")
    number = (
        f"coalesce((SELECT max(v.number) FROM {versions} AS v"
        f" WHERE v.entity = {_entity_literal(words)} AND v.{column} = {own}), 0) + 1"
    )
    rows, met = _matched(words)
    connection.exec_driver_sql(
        f"INSERT INTO {versions} (entity, record_id, record_key, number, state, batch)"
        f" SELECT {_entity_literal(words)}, {record_id}, {record_key}, {number},"
        f" {words.records.dialect.json_object(pairs)}, {batch}"
        f" FROM {rows} JOIN {words.table} AS {T} ON {met} {joins} WHERE {M}.action = {VERSION}"
    )
