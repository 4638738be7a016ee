"""Stage 6: resolved -> plan. Every row gets its action; nothing but the stage is written.

The same call makes the plan a user reads and, under the write lock, the plan a commit is held to: if their
digests differ, the database moved and the plan is stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Catalog
from engine.catalog.schema import fingerprint
from engine.dialects.port import SEQ, Stage
from engine.dialects.records import Joins, Records
from engine.issues import gather, issue_table
from engine.model import Counts, Policy
from engine.planning.words import EntityWords, M, S, T
from engine.resolver.read_back import candidates
from engine.resolver.rows import CANDIDATE, CLEAR, REJECTED, SKIPPED, Checked, CheckedRows, late_column
from engine.storage import Storage

UNCHANGED, UPDATE, VERSION, SKIP, ASK = 0, 1, 2, 3, 4
ACTION_OF: dict[Policy, int] = {"update": UPDATE, "version": VERSION, "skip": SKIP, "ask": ASK}

TOUCHED = pa.schema([("seq", pa.int64()), ("record", pa.string()), ("action", pa.int64())])
CHANGES = pa.schema(
    [
        ("seq", pa.int64()),
        ("place", pa.int64()),
        ("field", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Settling:
    """How matches that differ are settled: per entity, and for single rows (``seq``) where somebody decided."""

    policies: Mapping[str, Policy]
    decisions: Mapping[str, Mapping[int, Policy]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """What happens to the rows of one entity.

    ``touched`` lists rows whose record differs (seq, record, action); ``inserts`` the rows that become new
    records, None meaning every candidate; ``changes`` each field of the touched rows that differs, with its text before and after.
    """

    counts: Counts
    touched: pa.Table
    inserts: np.ndarray | None
    changes: pa.Table


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered actions, not yet done."""

    digest: str
    entities: dict[str, EntityPlan]
    issues: pa.Table
    written: int


def load_stage(storage: Storage, stage: Stage, checked: Checked) -> None:
    """The candidate rows and the links of every entity are staged."""
    for number, rows in enumerate(checked.rows.values()):
        late = {late_column(name) for entity, name in checked.late if entity == rows.entity.name}
        names = [name for name in rows.schema.names if name not in late and (name != CLEAR or rows.has_clears)]
        schema = pa.schema([rows.schema.field(name) for name in names])
        stage.load(f"rows_{number}", schema, candidates(storage, rows, names))
        for name, links in rows.links.items():
            place = [f.name for f in rows.entity.fields].index(name)
            stage.load(f"link_{number}_{place}", links.schema, links.combine_chunks().to_batches())


def words_of(connection: sa.Connection, stage: Stage, records: Records, checked: Checked) -> dict[int, EntityWords]:
    """The words of every entity, by its number."""
    numbers = {name: number for number, name in enumerate(checked.rows)}
    return {
        numbers[name]: EntityWords(
            numbers[name],
            rows,
            records,
            stage,
            records.dialect.column_types(connection, rows.entity),
            frozenset(field for entity, field in checked.late if entity == name),
            {
                item.name: numbers[item.reference.to]
                for item in rows.entity.references
                if item.reference and item.reference.to in numbers
            },
        )
        for name, rows in checked.rows.items()
    }


def make_plan(
    connection: sa.Connection, words: Mapping[int, EntityWords], catalog: Catalog, checked: Checked, settling: Settling
) -> Plan:
    """The plan for staged rows as the database stands inside the connection's transaction."""
    entities: dict[str, EntityPlan] = {}
    issues = []
    digest = hashlib.sha256(fingerprint(connection, catalog).encode())
    for entity_words in words.values():
        rows = entity_words.rows
        has_records = _match(connection, entity_words, settling)
        planned = _entity_plan(connection, entity_words, words, has_records)
        entities[rows.entity.name] = planned
        issues += _questions(rows, planned)
        for part in (rows.entity.name, rows.digest, rows.fate.tobytes(), str(planned.counts)):
            digest.update(part if isinstance(part, bytes) else part.encode())
        for table in (planned.touched, planned.changes, *rows.links.values()):
            _hash_table(digest, table)
        digest.update(b"all" if planned.inserts is None else planned.inserts.tobytes())
    written = sum(planned.counts.written for planned in entities.values())
    return Plan(digest.hexdigest(), entities, gather(issues), written)


def _match(connection: sa.Connection, words: EntityWords, settling: Settling) -> bool:
    """The staged table ``match`` says which rows meet a record; answers whether there are records at all."""
    entity = words.rows.entity
    quote = words.records.quote
    record = f"{T}.{quote(entity.id)}" if entity.id else "NULL"
    kind = "bigint" if entity.id_kind == "integer" or not entity.id else "text"
    if entity.id_kind == "uuid" and entity.id:
        record = f"CAST({record} AS text)"
    words.stage.create(
        connection, f"match_{words.number}", f'"{SEQ}" integer PRIMARY KEY, record {kind}, action integer'
    )
    if not connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {words.table})").scalar():
        return False
    changed = " OR ".join(words.differs(item) for item in words.compared())
    code = ACTION_OF[settling.policies[entity.name]]
    action = f"CASE WHEN {changed} THEN {code} ELSE {UNCHANGED} END" if changed else str(UNCHANGED)
    connection.exec_driver_sql(
        f"INSERT INTO {words.staged('match')} SELECT {words.seq}, {record}, {action} FROM {words.staged('rows')} AS {S}"
        f" JOIN {words.table} AS {T} ON {words.same_key()} {words.late_joins()}"
    )
    for policy, seqs in _by_policy(settling.decisions.get(entity.name, {})).items():
        listed = ", ".join(str(seq) for seq in seqs)
        connection.exec_driver_sql(
            f"UPDATE {words.staged('match')} SET action = {ACTION_OF[policy]}"
            f' WHERE action <> {UNCHANGED} AND "{SEQ}" IN ({listed})'
        )
    return True


def _by_policy(decisions: Mapping[int, Policy]) -> dict[Policy, list[int]]:
    found: dict[Policy, list[int]] = {}
    for seq, policy in sorted(decisions.items()):
        found.setdefault(policy, []).append(seq)
    return found


def _entity_plan(
    connection: sa.Connection, words: EntityWords, others: Mapping[int, EntityWords], has_records: bool
) -> EntityPlan:
    rows = words.rows
    candidate_count = int((rows.fate == CANDIDATE).sum())
    if not has_records:
        counts = _counts(rows, {}, 0, candidate_count)
        return EntityPlan(counts, TOUCHED.empty_table(), None, CHANGES.empty_table())
    match = words.staged("match")
    sums = ", ".join(f"coalesce(sum(CASE WHEN action = {code} THEN 1 ELSE 0 END), 0)" for code in range(5))
    matched, *by_action = connection.exec_driver_sql(f"SELECT count(*), {sums} FROM {match}").one()
    tally = {code: int(count) for code, count in enumerate(by_action)}
    read = words.records.dialect.read
    touched = pa.Table.from_batches(
        read(
            connection,
            f'SELECT "{SEQ}", CAST(record AS text), action FROM {match} WHERE action <> {UNCHANGED} ORDER BY "{SEQ}"',
            TOUCHED,
        ),
        TOUCHED,
    )
    inserts = _inserts(connection, words, candidate_count, matched)
    changes = _changes(connection, words, dict(others)) if touched.num_rows else CHANGES.empty_table()
    return EntityPlan(_counts(rows, tally, matched, candidate_count), touched, inserts, changes)


def _inserts(connection: sa.Connection, words: EntityWords, candidate_count: int, matched: int) -> np.ndarray | None:
    if not matched:
        return None
    if matched == candidate_count:
        return np.zeros(0, np.int64)
    missing = f"SELECT {words.seq} FROM {words.staged('rows')} AS {S} LEFT JOIN {words.staged('match')} AS {M}"
    schema = pa.schema([("seq", pa.int64())])
    sql = f'{missing} ON {M}."{SEQ}" = {words.seq} WHERE {M}."{SEQ}" IS NULL ORDER BY {words.seq}'
    table = pa.Table.from_batches(words.records.dialect.read(connection, sql, schema), schema)
    return np.asarray(table.column(0), dtype=np.int64)


def _changes(connection: sa.Connection, words: EntityWords, others: dict[int, EntityWords]) -> pa.Table:
    """The staged table ``change`` lists every field that differs; read back in the order of rows and fields."""
    words.stage.create(
        connection,
        f"change_{words.number}",
        f'"{SEQ}" integer, place integer, field text, before text, after text',
    )
    condition = (
        f"{T}.{words.records.quote(words.rows.entity.id)} = {M}.record"
        if words.rows.entity.id_kind == ("integer") and words.rows.entity.id
        else words.same_key()
    )
    for place, item in enumerate(words.compared()):
        joins = Joins()
        before = words.records.field_text(item, T, joins)
        after = words.after_text(item, joins, others)
        if cleared := words.cleared(item):
            after = f"CASE WHEN {cleared} THEN NULL ELSE {after} END"
        name = item.name.replace("'", "''")
        connection.exec_driver_sql(
            f"INSERT INTO {words.staged('change')} SELECT {words.seq}, {place}, '{name}', {before}, {after}"
            f' FROM {words.staged("match")} AS {M} JOIN {words.staged("rows")} AS {S} ON {words.seq} = {M}."{SEQ}"'
            f" JOIN {words.table} AS {T} ON {condition} {words.late_joins()} {joins}"
            f" WHERE {M}.action <> {UNCHANGED} AND {words.differs(item)}"
        )
    sql = f'SELECT "{SEQ}", place, field, before, after FROM {words.staged("change")} ORDER BY "{SEQ}", place'
    return pa.Table.from_batches(words.records.dialect.read(connection, sql, CHANGES), CHANGES)


def _counts(rows: CheckedRows, tally: Mapping[int, int], matched: int, candidate_count: int) -> Counts:
    return Counts(
        rows=rows.count,
        insert=candidate_count - matched,
        update=tally.get(UPDATE, 0),
        version=tally.get(VERSION, 0),
        skip=tally.get(SKIP, 0) + int((rows.fate == SKIPPED).sum()),
        unchanged=tally.get(UNCHANGED, 0),
        reject=tally.get(ASK, 0) + int((rows.fate == REJECTED).sum()),
    )


def _questions(rows: CheckedRows, planned: EntityPlan) -> list[pa.Table]:
    """One issue for each row whose policy is to ask."""
    asked = planned.touched.filter(pc.equal(planned.touched.column("action"), ASK))
    if not asked.num_rows:
        return []
    seqs = np.asarray(asked.column("seq"))
    named: dict[int, list[str]] = {}
    wanted = planned.changes.filter(
        pc.is_in(planned.changes.column("seq"), value_set=asked.column("seq").combine_chunks())
    )
    for seq, name in zip(wanted.column("seq").to_pylist(), wanted.column("field").to_pylist(), strict=True):
        named.setdefault(seq, []).append(name)
    messages = [
        f"The stored record differs in {', '.join(named.get(int(seq), []))}. Choose skip, update or version."
        for seq in seqs
    ]
    table = issue_table(
        "conflict.ask",
        entity=rows.entity.name,
        source="",
        row_numbers=pa.array(rows.row_numbers[seqs - 1]),
        field=None,
        message=pa.array(messages, pa.string()),
    )
    return [table.set_column(1, "source", rows.source_names(seqs))]


def _hash_table(digest: hashlib._Hash, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    digest.update(sink.getvalue())
