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
from engine.issues import gather
from engine.model import KEY_SEPARATOR
from engine.resolver.cycles import on_cycle
from engine.resolver.incoming import SUGGESTIONS, Incoming, RowFeed, reference_issues, schema_of
from engine.resolver.keys import KeyChecks, unique_sets
from engine.resolver.lookup import Lookup, Names
from engine.resolver.read_back import columns, joined_text
from engine.resolver.refusals import reject, row_issues
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
from engine.resolver.stored import stored_names, stored_texts
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
        self._keys = KeyChecks(storage, connection, records)

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
                reject(rows, np.arange(span.first, span.last + 1))
        self._issues += self._keys.duplicates(rows, hashes)
        self._issues += self._keys.missing(rows, incoming.missing_if_new)
        for fields in unique_sets(rows):
            self._issues += self._keys.taken(rows, fields)

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
        reject(rows, seqs[found.status != 0])
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
        reject(rows, circling)
        message = (
            f"Following {item.label or item.name} from this row leads back to it. Break the circle at one of its rows."
        )
        keys = self._names[rows.entity.name].keys.take(pa.array(circling - 1))
        return row_issues(rows, "reference.cycle", circling, item.name, message, keys)

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
        reject(rows, seqs)
        shown = pc.replace_substring(texts.take(pa.array(seqs - 1)), KEY_SEPARATOR, " / ")
        message = f"There is no {to} with these values of {', '.join(fields)}. Correct one of them, or add the {to}."
        return row_issues(rows, "reference.missing", seqs, fields[0], message, shown)

    def _texts(self, rows: CheckedRows, fields: Iterable[str]) -> pa.Array:
        names = list(fields)
        table = columns(self._storage, rows, names)
        texts = [to_text(table.column(name), rows.entity.field(name)) for name in names]
        return joined_text(pa.table(texts, names=names), KEY_SEPARATOR)

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
        reject(rows, seqs)
        values = pc.replace_substring(
            self._names[target.entity.name].keys.take(pa.array(pending - 1)), KEY_SEPARATOR, " / "
        )
        return row_issues(rows, "reference.rejected", seqs, item.name, pa.array(messages), values)


def _named_entities(catalog: Catalog, present: dict[str, frozenset[str]]) -> frozenset[str]:
    """The entities that a row of the batch may refer to."""
    return frozenset(
        item.reference.to
        for name, fields in present.items()
        for item in catalog.entity(name).references
        if item.reference and item.name in fields
    )
