"""Stage 6: resolved -> plan. Every row gets its action; nothing but the stage is written.

The same call makes the plan a user reads and, under the write lock, the plan a commit is held to: if their
digests differ, the database moved and the plan is stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Catalog, Field
from engine.catalog.schema import fingerprint
from engine.dialects.port import SEQ, Stage
from engine.dialects.quoting import literal
from engine.dialects.records import Joins, Records
from engine.issues import gather, issue_table
from engine.model import Counts, Policy
from engine.planning.feed import LISTED, take_out
from engine.planning.words import EntityWords, M, S, T
from engine.resolver.read_back import candidates
from engine.resolver.rows import (
    CANDIDATE,
    CLEAR,
    REJECTED,
    SKIPPED,
    Checked,
    CheckedRows,
    late_column,
    pending_column,
)
from engine.storage import Storage

UPDATE, VERSION, SKIP, ASK, INSERT, BREAK = 1, 2, 3, 4, 5, 6
"""Actions of the stage; BREAK is a row that together with what is stored would break a rule."""
_SQL_OF = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "<>"}

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
    records, None meaning every candidate; ``changes`` each field of the touched rows that differs, with its text
    before and after.
    """

    counts: Counts
    touched: pa.Table
    inserts: np.ndarray | None
    changes: pa.Table
    broken: list[pa.Table] = field(default_factory=list)
    """Issues of rows that break a rule together with what is stored."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered actions, not yet done."""

    digest: str
    entities: dict[str, EntityPlan]
    issues: pa.Table
    written: int


def staged_schema(
    rows: CheckedRows, late: frozenset[tuple[str, str]], present: Collection[str], *, has_clears: bool
) -> pa.Schema:
    """The columns of an entity's rows worth staging, where ``present`` are the entities of the batch.

    Left out are the texts of references that are linked later, and what cannot hold anything: numbers of pending rows
    of an entity the batch has none of, and the marks of cleared cells where no token clears.
    """
    left_out = {late_column(name) for entity, name in late if entity == rows.entity.name}
    if not has_clears:
        left_out.add(CLEAR)
    for item in rows.entity.references:
        if item.reference and item.reference.to not in present:
            left_out.add(pending_column(item.name))
    return pa.schema([item for item in rows.schema if item.name not in left_out])


def load_stage(storage: Storage, stage: Stage, checked: Checked, fed: Mapping[str, np.ndarray]) -> None:
    """The candidate rows and the links of every entity are staged, but for rows that were fed already."""
    for number, rows in enumerate(checked.rows.values()):
        if f"rows_{number}" not in fed:
            schema = staged_schema(rows, checked.late, checked.rows, has_clears=rows.has_clears)
            stage.load(f"rows_{number}", schema, candidates(storage, rows, schema.names))
        for name, links in rows.links.items():
            place = [item.name for item in rows.entity.fields].index(name)
            stage.load(f"link_{number}_{place}", links.schema, links.combine_chunks().to_batches())


def trim_stage(connection: sa.Connection, stage: Stage, checked: Checked, fed: Mapping[str, np.ndarray]) -> None:
    """Rows that were fed before they were found wrong are staged no longer."""
    for number, rows in enumerate(checked.rows.values()):
        table = f"rows_{number}"
        if table in fed:
            take_out(connection, stage, table, np.flatnonzero(fed[table] & (rows.fate != CANDIDATE)) + 1)


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
    digest = hashlib.sha256(f"{checked.basis} {fingerprint(connection, catalog)}".encode())
    for entity_words in words.values():
        rows = entity_words.rows
        planned = _entity_plan(connection, entity_words, words, settling)
        entities[rows.entity.name] = planned
        issues += [*_questions(rows, planned), *planned.broken]
        for part in (rows.entity.name, rows.digest, rows.fate.tobytes(), str(planned.counts)):
            digest.update(part if isinstance(part, bytes) else part.encode())
        for table in (planned.touched, planned.changes, *rows.links.values()):
            _hash_table(digest, table)
        digest.update(b"all" if planned.inserts is None else planned.inserts.tobytes())
    written = sum(planned.counts.written for planned in entities.values())
    return Plan(digest.hexdigest(), entities, gather(issues), written)


def _entity_plan(
    connection: sa.Connection, words: EntityWords, others: Mapping[int, EntityWords], settling: Settling
) -> EntityPlan:
    rows = words.rows
    if not (rows.fate == CANDIDATE).any():
        return EntityPlan(_counts(rows, {}), TOUCHED.empty_table(), None, CHANGES.empty_table())
    if not connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {words.table})").scalar():
        counts = _counts(rows, {INSERT: int((rows.fate == CANDIDATE).sum())})
        return EntityPlan(counts, TOUCHED.empty_table(), None, CHANGES.empty_table())
    _compare(connection, words, others, settling)
    broken = _broken_rules(connection, words)
    sql = f'SELECT "{SEQ}", CAST(record AS text), action FROM {words.staged("action")} ORDER BY "{SEQ}"'
    actions = pa.Table.from_batches(words.records.dialect.read(connection, sql, TOUCHED), TOUCHED)
    is_insert = pc.equal(actions.column("action"), INSERT)
    touched = actions.filter(pc.invert(is_insert))
    inserts = np.asarray(actions.filter(is_insert).column("seq"), dtype=np.int64)
    changes = _changes(connection, words) if touched.num_rows else CHANGES.empty_table()
    tally = {item["values"]: item["counts"] for item in pc.value_counts(actions.column("action")).to_pylist()}
    return EntityPlan(_counts(rows, tally), touched, inserts, changes, broken)


def _broken_rules(connection: sa.Connection, words: EntityWords) -> list[pa.Table]:
    """Rows that bring one side of a rule and break it with the other side, which is stored."""
    rows = words.rows
    issues = []
    for rule in rows.entity.rules:
        sides = [words.rows.entity.field(name) for name in (rule.left, rule.right) if rule.right_is_field]
        if len(sides) < 2 or not any(item in words.compared() for item in sides):
            continue
        left, right = (words.outcome(item) for item in sides)
        both = all(item in words.compared() for item in sides)  # then the checks have seen the rows that fill both
        blank = f"({' OR '.join(f'{words.raw(item)} IS NULL' for item in sides)})" if both else "1 = 1"
        sql = (
            f"SELECT {words.seq} FROM {words.staged('action')} AS {M} JOIN {words.staged('rows')} AS {S}"
            f' ON {words.seq} = {M}."{SEQ}" JOIN {words.table} AS {T} ON {words.is_record()} {words.late_joins()}'
            f" WHERE {M}.action IN ({UPDATE}, {VERSION}) AND {blank}"
            f" AND NOT ({left} {_SQL_OF[rule.operator]} {right})"
            f" ORDER BY {words.seq}"
        )
        schema = pa.schema([("seq", pa.int64())])
        found = pa.Table.from_batches(words.records.dialect.read(connection, sql, schema), schema)
        seqs = np.asarray(found.column(0), dtype=np.int64)
        if not len(seqs):
            continue
        _set_action(connection, words, BREAK, seqs.tolist())
        table = issue_table(
            f"rule.{rule.name}",
            entity=rows.entity.name,
            source="",
            row_numbers=pa.array(rows.row_numbers[seqs - 1]),
            field=rule.left,
            message=f"{rule.message} What is stored counts where the cell is blank.",
        )
        issues.append(table.set_column(1, "source", rows.source_names(seqs)))
    return issues


def _set_action(connection: sa.Connection, words: EntityWords, action: int, seqs: Sequence[int]) -> None:
    for start in range(0, len(seqs), LISTED):
        listed = ", ".join(str(seq) for seq in seqs[start : start + LISTED])
        connection.exec_driver_sql(
            f'UPDATE {words.staged("action")} SET action = {action} WHERE action <> {INSERT} AND "{SEQ}" IN ({listed})'
        )


def _compare(
    connection: sa.Connection, words: EntityWords, others: Mapping[int, EntityWords], settling: Settling
) -> None:
    """The staged table ``action`` says what becomes of each row, and what it would change; unchanged rows are left out.

    One pass over the records: per field of the entity a mark ``d`` whether it differs, its text before and after.
    """
    entity = words.rows.entity
    quote = words.records.quote
    record = f"{T}.{quote(entity.id)}" if entity.id else "NULL"
    kind = "bigint" if entity.id_kind == "integer" or not entity.id else "text"
    if entity.id_kind == "uuid" and entity.id:
        record = f"CAST({record} AS text)"
    is_new = f"{words.stored(entity.field(entity.key[0]))} IS NULL"
    code = ACTION_OF[settling.policies[entity.name]]
    joins = Joins()
    columns = [f'"{SEQ}" integer PRIMARY KEY', f"record {kind}", "action integer"]
    selected = [words.seq, record, f"CASE WHEN {is_new} THEN {INSERT} ELSE {code} END"]
    for place, item in enumerate(words.compared()):
        columns += [f"d{place} integer", f"b{place} text", f"a{place} text"]
        before, after = words.records.field_text(item, T, joins), _after(words, item, joins, others)
        marked = f"CASE WHEN {is_new} THEN 0 WHEN {words.differs(item)} THEN 1 ELSE 0 END"
        selected += [marked, *(f"CASE WHEN {is_new} THEN NULL ELSE {text} END" for text in (before, after))]
    changed = " OR ".join([is_new, *(words.differs(item) for item in words.compared())])
    words.stage.create(connection, f"action_{words.number}", ", ".join(columns))
    connection.exec_driver_sql(
        f"INSERT INTO {words.staged('action')} SELECT {', '.join(selected)}"
        f" FROM {words.staged('rows')} AS {S} LEFT JOIN {words.table} AS {T} ON {words.same_key()}"
        f" {words.late_joins()} {joins} WHERE {changed}"
    )
    for policy, seqs in _by_policy(settling.decisions.get(entity.name, {})).items():
        _set_action(connection, words, ACTION_OF[policy], seqs)


def _after(words: EntityWords, item: Field, joins: Joins, others: Mapping[int, EntityWords]) -> str:
    after = words.after_text(item, joins, others)
    cleared = words.cleared(item)
    return f"CASE WHEN {cleared} THEN NULL ELSE {after} END" if cleared else after


def _by_policy(decisions: Mapping[int, Policy]) -> dict[Policy, list[int]]:
    found: dict[Policy, list[int]] = {}
    for seq, policy in sorted(decisions.items()):
        found.setdefault(policy, []).append(seq)
    return found


def _changes(connection: sa.Connection, words: EntityWords) -> pa.Table:
    """The staged table ``change`` lists every field that differs; read back in the order of rows and fields."""
    words.stage.create(
        connection,
        f"change_{words.number}",
        f'"{SEQ}" integer, place integer, field text, before text, after text, PRIMARY KEY ("{SEQ}", place)',
    )
    actions = words.staged("action")
    listed = " UNION ALL ".join(
        f'SELECT "{SEQ}", {place}, {literal(item.name)}, b{place}, a{place} FROM {actions} WHERE d{place} = 1'
        for place, item in enumerate(words.compared())
    )
    connection.exec_driver_sql(f"INSERT INTO {words.staged('change')} {listed} ORDER BY 1, 2")
    sql = f'SELECT "{SEQ}", place, before, after FROM {words.staged("change")} ORDER BY "{SEQ}", place'
    schema = CHANGES.remove(CHANGES.get_field_index("field"))
    found = pa.Table.from_batches(words.records.dialect.read(connection, sql, schema), schema)
    names = pa.array([item.name for item in words.compared()], pa.string())
    return found.add_column(2, "field", names.take(found.column("place").combine_chunks()))


def _counts(rows: CheckedRows, tally: Mapping[int, int]) -> Counts:
    return Counts(
        rows=rows.count,
        insert=tally.get(INSERT, 0),
        update=tally.get(UPDATE, 0),
        version=tally.get(VERSION, 0),
        skip=tally.get(SKIP, 0) + int((rows.fate == SKIPPED).sum()),
        unchanged=int((rows.fate == CANDIDATE).sum()) - sum(tally.values()),
        reject=tally.get(ASK, 0) + tally.get(BREAK, 0) + int((rows.fate == REJECTED).sum()),
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
    """What the table says goes into the digest, however its memory is laid out."""
    for name, chunked in zip(table.column_names, table.columns, strict=True):
        column = chunked.combine_chunks()
        digest.update(f"{name} {column.type} {len(column)} ".encode())
        digest.update(np.asarray(pc.is_valid(column)).tobytes())
        if pa.types.is_integer(column.type):
            digest.update(np.asarray(pc.fill_null(column, 0)).tobytes())
        else:
            texts = pc.fill_null(column.cast(pa.string()), "")
            digest.update(np.asarray(pc.binary_length(texts)).tobytes())
            digest.update("".join(texts.to_pylist()).encode())
