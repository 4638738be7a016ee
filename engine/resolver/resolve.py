"""Stage 5: checked -> resolved. Rows of all entities meet the stored records and each other.

Entities come in dependency order, each through :meth:`Resolver.open` and :meth:`Resolver.close`;
:meth:`Resolver.finish` then links what had to wait, and rejects every row that refers to a rejected one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, Field
from engine.catalog.text import to_text
from engine.dialects.port import SEQ
from engine.dialects.records import Records
from engine.issues import gather, issue_table
from engine.model import KEY_SEPARATOR
from engine.resolver.cycles import on_cycle
from engine.resolver.duplicates import judge, shared
from engine.resolver.incoming import SUGGESTIONS, Incoming, RowFeed, reference_issues, schema_of
from engine.resolver.lookup import Lookup, Names
from engine.resolver.read_back import columns, joined_text, picked
from engine.resolver.rows import (
    CANDIDATE,
    CLEAR,
    MARKS,
    REJECTED,
    SKIPPED,
    Checked,
    CheckedRows,
    late_column,
    pending_column,
)
from engine.resolver.stored import stored_identities, stored_names, stored_texts
from engine.storage import Storage


class Resolver:
    """One run over one batch; reads through ``connection`` and writes only to the batch's folder."""

    def __init__(
        self,
        storage: Storage,
        folder: str,
        connection: sa.Connection,
        records: Records,
        present: dict[str, frozenset[str]],
        late: frozenset[tuple[str, str]],
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._connection = connection
        self._records = records
        self._catalog: Catalog = records.catalog
        self._present = present
        self._late = late
        self._named = _named_entities(self._catalog, present)
        self._rows: dict[str, CheckedRows] = {}
        self._names: dict[str, Names] = {}
        self._lookups: dict[tuple[str, str | None], Lookup] = {}
        self._issues: list[pa.Table] = []

    def open(self, entity: Entity, feed: RowFeed | None = None) -> Incoming:
        """An open file for the rows of ``entity``; those it refers to are closed, except its late references.

        ``feed`` gets the rows too, as they come.
        """
        present = self._present[entity.name]
        late = frozenset(field for name, field in self._late if name == entity.name)
        rows = CheckedRows(
            entity,
            f"{self._folder}/{len(self._rows)}.parquet",
            schema_of(self._catalog, entity, present, late),
            present,
        )
        lookups = {
            item.name: self._lookup(item)
            for item in entity.references
            if item.name in present and item.name not in late
        }
        named = entity.name in self._named
        return Incoming(self._storage, self._catalog, rows, lookups, late, keeps_names=named, feed=feed)

    def close(self, incoming: Incoming) -> None:
        """The entity's rows are known: keys are met once, required values are there in every new record."""
        hashes = incoming.close()
        rows = incoming.rows
        self._rows[rows.entity.name] = rows
        if rows.entity.name in self._named:
            self._names[rows.entity.name] = incoming.names()
        self._issues += incoming.issues
        for span in rows.spans:
            if not set(rows.entity.key) <= span.fields:  # its file has the issue: a part of the key has no column
                _reject(rows, np.arange(span.first, span.last + 1))
        self._issues += self._duplicates(rows, hashes)
        self._issues += self._missing(rows, incoming.missing_if_new)
        for fields in _unique_sets(rows):
            self._issues += self._taken(rows, fields)

    def finish(self) -> Checked:
        """Late references are linked, circles found, and rejections carried on to the rows that depend on them."""
        for entity, field in sorted(self._late):
            rows = self._rows.get(entity)
            if rows is not None and field in rows.present:
                self._issues += self._link(rows, rows.entity.field(field))
        rejected = True
        while rejected:  # a rejected row is no longer linked to, and opens no circle any more
            found = self._circles() + self._check_links() + self._carry_on()
            self._issues += found
            rejected = bool(found)
        return Checked(self._rows, gather(self._issues), self._late)

    # -- what references lead to

    def _lookup(self, item: Field) -> Lookup:
        assert item.reference is not None
        place = (item.reference.to, item.reference.column)
        if place not in self._lookups:
            target = self._catalog.entity(item.reference.to)
            names, values = stored_names(self._connection, self._records, target, item.reference.column)
            rows = self._rows.get(target.name)
            if rows is None:
                self._lookups[place] = Lookup(names, values)
            else:
                pending = self._names[target.name]
                seqs = np.arange(1, rows.count + 1)
                own = self._pending_values(rows, item.reference.column)
                self._lookups[place] = Lookup(names, values, pending, own, seqs)
        return self._lookups[place]

    def _pending_values(self, rows: CheckedRows, column: str) -> pa.Array | None:
        """What a reference to a pending row stores, where that does not have to wait for an id."""
        if column == rows.entity.id:
            return None
        item = next(field for field in rows.entity.fields if field.column == column)
        if item.name not in rows.present:
            return None
        return columns(self._storage, rows, [item.name]).column(0).combine_chunks()

    def _link(self, rows: CheckedRows, item: Field) -> list[pa.Table]:
        """The late reference ``item`` of every row leads to its record."""
        assert item.reference is not None
        table = columns(self._storage, rows, [SEQ, late_column(item.name)])
        table = table.filter(pc.is_valid(table.column(1))).combine_chunks()
        seqs, texts = np.asarray(table.column(0)), table.column(1).combine_chunks()
        if not len(seqs):
            return []
        lookup = self._lookup(item)
        found = lookup.find(texts, item.reference.by, suggestions=SUGGESTIONS)
        rows.links[item.name] = pa.table({SEQ: pa.array(seqs), "value": found.value, "pending": found.pending})
        issues = []
        for span in rows.spans:
            inside = (seqs >= span.first) & (seqs <= span.last) & (rows.fate[seqs - 1] != SKIPPED)
            at = pa.array(np.flatnonzero(inside))
            part = found.at(at)
            numbers = pa.array(rows.row_numbers[seqs[inside] - 1])
            issues += reference_issues(rows.entity, item, span.name, texts.take(at), part, numbers)
        _reject(rows, seqs[found.status != 0])
        return issues

    def _circles(self) -> list[pa.Table]:
        """Rows that would close a circle where the catalog allows none are rejected."""
        issues = []
        for rows in self._rows.values():
            for item in rows.entity.references:
                if item.reference and item.reference.acyclic and item.name in rows.links:
                    issues += self._circles_of(rows, item)
        return issues

    def _circles_of(self, rows: CheckedRows, item: Field) -> list[pa.Table]:
        lookup = self._lookup(item)
        links = rows.links[item.name]
        links = links.filter(pa.array(rows.fate[np.asarray(links.column(SEQ)) - 1] == CANDIDATE)).combine_chunks()
        child = lookup.position_of_rows(np.asarray(links.column(SEQ)))
        parent = lookup.position_of(links.column("value").combine_chunks(), links.column("pending").combine_chunks())
        graph = lookup.position_of(self._stored_links(rows.entity, item, lookup), None)
        graph = np.concatenate([graph, np.full(lookup.size - len(graph), -1, np.int64)])
        graph[lookup.position_of_rows(self._clearing(rows, item))] = -1
        graph[child] = parent
        circling = np.asarray(links.column(SEQ))[on_cycle(graph)[child]]
        _reject(rows, circling)
        message = (
            f"Following {item.label or item.name} from this row leads back to it. Break the circle at one of its rows."
        )
        keys = self._names[rows.entity.name].keys.take(pa.array(circling - 1))
        return _row_issues(rows, "reference.cycle", circling, item.name, message, keys)

    def _clearing(self, rows: CheckedRows, item: Field) -> np.ndarray:
        """The candidates that clear a field (``seq``)."""
        if not rows.has_clears:
            return np.zeros(0, np.int64)
        listed = columns(self._storage, rows, [CLEAR]).column(0).combine_chunks()
        clears = np.asarray(pc.fill_null(pc.match_substring(listed, f",{item.name},"), False))
        return np.flatnonzero(clears & (rows.fate == CANDIDATE)) + 1

    def _stored_links(self, entity: Entity, item: Field, lookup: Lookup) -> pa.Array:
        """What each stored record refers to, in the order of the lookup's stored records."""
        table = stored_names(self._connection, self._records, entity, item.column)
        order = pc.index_in(lookup.stored.keys, value_set=table[0].keys, skip_nulls=True)
        return table[1].take(order)

    def _check_links(self) -> list[pa.Table]:
        return [
            issues
            for rows in self._rows.values()
            for link in rows.entity.links
            if set(link.fields) <= rows.present
            for issues in self._check_link(rows, link.fields, link.to, link.target_fields)
        ]

    def _check_link(
        self, rows: CheckedRows, fields: tuple[str, ...], to: str, target_fields: tuple[str, ...]
    ) -> list[pa.Table]:
        """Every row whose fields of a composite reference are filled names a record."""
        texts = self._texts(rows, fields)
        target = self._catalog.entity(to)
        wanted = [target.field(field) for field in target_fields]
        stored = stored_texts(self._connection, self._records, target, wanted)
        known = joined_text(stored.select(range(len(wanted))), KEY_SEPARATOR)
        others = self._rows.get(to)
        if others is not None and set(target_fields) <= others.present:
            pending = self._texts(others, target_fields)
            known = pa.concat_arrays([known, pending.filter(pa.array(others.fate == CANDIDATE))])
        lost = np.asarray(pc.is_valid(texts)) & ~np.asarray(pc.is_in(texts, value_set=known, skip_nulls=True))
        seqs = np.flatnonzero(lost & (rows.fate == CANDIDATE)) + 1
        _reject(rows, seqs)
        shown = pc.replace_substring(texts.take(pa.array(seqs - 1)), KEY_SEPARATOR, " / ")
        message = f"There is no {to} with these values of {', '.join(fields)}. Correct one of them, or add the {to}."
        return _row_issues(rows, "reference.missing", seqs, fields[0], message, shown)

    def _texts(self, rows: CheckedRows, fields: Iterable[str]) -> pa.Array:
        names = list(fields)
        table = columns(self._storage, rows, names)
        texts = [to_text(table.column(name), rows.entity.field(name)) for name in names]
        return joined_text(pa.table(texts, names=names), KEY_SEPARATOR)

    # -- keys

    def _duplicates(self, rows: CheckedRows, hashes: np.ndarray) -> list[pa.Table]:
        positions = shared(hashes)
        if not len(positions):
            return []
        table = picked(self._storage, rows, positions)
        keys = _identities(rows, table, rows.entity.key)
        compared = [table.column(name).to_pylist() for name in table.column_names if name not in MARKS[:3]]
        repeats, contradictions = judge(
            positions, keys.to_pylist(), lambda i, j: all(column[i] == column[j] for column in compared)
        )
        shown = pc.replace_substring(keys, KEY_SEPARATOR, " / ")
        issues = []
        for pairs, severity, advice in (
            (contradictions, "error", "Keep one of the rows, or correct a key."),
            (repeats, "warning", "It is the same in every field, and is skipped."),
        ):
            seqs = np.array(sorted(pairs), np.int64) + 1
            if not len(seqs):
                continue
            firsts = [rows.place(pairs[int(seq) - 1] + 1) for seq in seqs]
            messages = [f"Row {number} of {name} has the same key. {advice}" for name, number in firsts]
            values = shown.take(pa.array(np.searchsorted(positions, seqs - 1)))
            issues += _row_issues(
                rows, "key.duplicate", seqs, rows.entity.key[0], pa.array(messages), values, severity=severity
            )
        rows.fate[[position for position in repeats if rows.fate[position] == CANDIDATE]] = SKIPPED
        rows.fate[list(contradictions)] = REJECTED
        return issues

    def _missing(self, rows: CheckedRows, found: list[tuple[np.ndarray, pa.Table]]) -> list[pa.Table]:
        """Required values are asked of new records only: a stored one keeps what it has."""
        wanted = [item for item in rows.entity.fields if _must_come(rows.entity, item)]
        absent = [(span, item) for span in rows.spans for item in wanted if item.name not in span.fields]
        if not (found or absent) or not rows.count:
            return []
        is_new = ~self._is_stored(rows) & (rows.fate != SKIPPED)
        issues = []
        rejected = [np.zeros(0, np.int64)]
        for seqs, table in found:
            new = is_new[seqs - 1]
            issues.append(table.filter(pa.array(new)))
            rejected.append(seqs[new])
        for span, item in absent:
            seqs = np.flatnonzero(is_new[span.first - 1 : span.last]) + span.first
            message = (
                f"{item.label or item.name} is required for a new record, and the file has no column for it. Add it."
            )
            issues += _row_issues(rows, "value.missing", seqs, item.name, message, None)
            rejected.append(seqs)
        _reject(rows, np.concatenate(rejected))
        return issues

    def _is_stored(self, rows: CheckedRows) -> np.ndarray:
        if not set(rows.entity.key) <= rows.present:
            return np.zeros(rows.count, bool)
        stored = stored_identities(self._connection, self._records, rows.entity, rows.entity.key)
        if not len(stored):
            return np.zeros(rows.count, bool)
        own = _identities(rows, self._key_columns(rows, rows.entity.key), rows.entity.key)
        return np.asarray(pc.is_in(own, value_set=stored, skip_nulls=True))

    def _key_columns(self, rows: CheckedRows, names: Iterable[str]) -> pa.Table:
        wanted = [
            column
            for name in names
            for column in (name, pending_column(name), late_column(name))
            if column in rows.schema.names
        ]
        return columns(self._storage, rows, wanted)

    def _taken(self, rows: CheckedRows, fields: tuple[str, ...]) -> list[pa.Table]:
        """No two rows, and no row and another record, share a unique value."""
        own = _identities(rows, self._key_columns(rows, fields), fields)
        usable = np.asarray(pc.is_valid(own)) & (rows.fate == CANDIDATE)
        codes = np.where(usable, np.asarray(pc.fill_null(own.dictionary_encode().indices, -1)), -1)
        order = np.flatnonzero(codes >= 0)
        firsts = order[np.unique(codes[order], return_index=True)[1]]
        repeated = np.setdiff1d(order, firsts) + 1
        stored = stored_identities(self._connection, self._records, rows.entity, fields)
        keys = stored_identities(self._connection, self._records, rows.entity, rows.entity.key)
        at = pc.index_in(own, value_set=stored, skip_nulls=True)
        mine = _identities(rows, self._key_columns(rows, rows.entity.key), rows.entity.key)
        other = pc.fill_null(pc.not_equal(keys.take(at), mine), pc.is_valid(at))
        taken = np.flatnonzero(np.asarray(pc.fill_null(other, False)) & usable) + 1
        _reject(rows, np.concatenate([repeated, taken]))
        shown = pc.replace_substring(own, KEY_SEPARATOR, " / ")
        return _row_issues(
            rows,
            "key.duplicate",
            repeated,
            fields[0],
            "An earlier row of this import has the same value, and it must be unique. Correct one of them.",
            shown.take(pa.array(repeated - 1)),
        ) + _row_issues(
            rows,
            "key.exists",
            taken,
            fields[0],
            "Another stored record has this value, and it must be unique. Correct the value, or the key.",
            shown.take(pa.array(taken - 1)),
        )

    # -- what a rejection brings with it

    def _carry_on(self) -> list[pa.Table]:
        """Rows that refer to a row that will not become a record are rejected too, until none is left."""
        issues: list[pa.Table] = []
        edges = [
            (rows, item, self._rows[item.reference.to])
            for rows in self._rows.values()
            for item in rows.entity.references
            if item.reference and item.name in rows.present and item.reference.to in self._rows
        ]
        moved = True
        while moved:
            moved = False
            for rows, item, target in edges:
                if not (target.fate == REJECTED).any():
                    continue
                seqs, pending = self._pending(rows, item)
                lost = (target.fate[pending - 1] == REJECTED) & (rows.fate[seqs - 1] == CANDIDATE)
                if lost.any():
                    moved = True
                    issues += self._rejected(rows, item, target, seqs[lost], pending[lost])
        return issues

    def _pending(self, rows: CheckedRows, item: Field) -> tuple[np.ndarray, np.ndarray]:
        """Which rows refer to which pending rows."""
        if (rows.entity.name, item.name) in self._late:
            table = rows.links.get(item.name)
            if table is None:
                return np.zeros(0, np.int64), np.zeros(0, np.int64)
            table = table.select([SEQ, "pending"])
        elif item.name in rows.pending_references:
            table = columns(self._storage, rows, [SEQ, pending_column(item.name)])
        else:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        table = table.filter(pc.is_valid(table.column(1)))
        return np.asarray(table.column(0)), np.asarray(table.column(1))

    def _rejected(
        self, rows: CheckedRows, item: Field, target: CheckedRows, seqs: np.ndarray, pending: np.ndarray
    ) -> list[pa.Table]:
        places = [target.place(int(seq)) for seq in pending]
        messages = [
            f"It refers to row {number} of {name}, which is rejected. Mend that row first." for name, number in places
        ]
        _reject(rows, seqs)
        values = pc.replace_substring(
            self._names[target.entity.name].keys.take(pa.array(pending - 1)), KEY_SEPARATOR, " / "
        )
        return _row_issues(rows, "reference.rejected", seqs, item.name, pa.array(messages), values)


def _named_entities(catalog: Catalog, present: dict[str, frozenset[str]]) -> frozenset[str]:
    """The entities that a row of the batch may refer to."""
    return frozenset(
        item.reference.to
        for name, fields in present.items()
        for item in catalog.entity(name).references
        if item.reference and item.name in fields
    )


def _unique_sets(rows: CheckedRows) -> list[tuple[str, ...]]:
    single = [(item.name,) for item in rows.entity.fields if item.unique]
    sets = dict.fromkeys([*single, *rows.entity.uniques])
    return [fields for fields in sets if set(fields) <= rows.present and fields != rows.entity.key]


def _must_come(entity: Entity, item: Field) -> bool:
    return item.required and item.default is None and item.name not in entity.key


def _identities(rows: CheckedRows, table: pa.Table, names: Iterable[str]) -> pa.Array:
    """One text per row for what it stores in these fields; a reference by the value it stores."""
    parts = []
    for name in names:
        item = rows.entity.field(name)
        if name not in table.column_names:
            parts.append(pa.nulls(table.num_rows, pa.string()))
        elif item.reference is None:
            parts.append(to_text(table.column(name), item))
        else:
            pending = table.column(pending_column(name)).combine_chunks().cast(pa.string())
            waiting = pc.binary_join_element_wise("new ", pending, "")
            parts.append(pc.coalesce(table.column(name).combine_chunks().cast(pa.string()), waiting))
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, KEY_SEPARATOR)


def _reject(rows: CheckedRows, seqs: np.ndarray) -> None:
    at = seqs - 1
    rows.fate[at[rows.fate[at] != SKIPPED]] = REJECTED


def _row_issues(
    rows: CheckedRows,
    code: str,
    seqs: np.ndarray,
    field: str,
    message: str | pa.Array,
    values: pa.Array | None,
    severity: str | None = None,
) -> list[pa.Table]:
    if not len(seqs):
        return []
    issues = issue_table(
        code,
        entity=rows.entity.name,
        source="",
        row_numbers=pa.array(rows.row_numbers[seqs - 1]),
        field=field,
        values=values,
        message=message,
        severity=severity,  # type: ignore[arg-type]
    )
    return [issues.set_column(1, "source", rows.source_names(seqs))]
