"""Keys of an entity's rows: each once, the required values in every new record, unique values nobody else has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Entity, Field
from engine.catalog.text import to_text
from engine.dialects.records import Records
from engine.issues import Severity
from engine.model import KEY_SEPARATOR
from engine.resolver.duplicates import judge, shared
from engine.resolver.read_back import columns, picked
from engine.resolver.refusals import reject, row_issues
from engine.resolver.rows import CANDIDATE, MARKS, REJECTED, SKIPPED, CheckedRows, late_column, pending_column
from engine.resolver.stored import stored_identities
from engine.storage import Storage


class KeyChecks:
    """Looks at the rows of one entity after the other, and at what is stored of it."""

    def __init__(self, storage: Storage, connection: sa.Connection, records: Records) -> None:
        self._storage = storage
        self._connection = connection
        self._records = records

    def duplicates(self, rows: CheckedRows, hashes: np.ndarray) -> list[pa.Table]:
        """Rows that share a key: the first stands, one that repeats it is skipped, one that contradicts it rejected."""
        positions = shared(hashes)
        if not len(positions):
            return []
        table = picked(self._storage, rows, positions)
        keys = identities(rows, table, rows.entity.key)
        compared = [table.column(name).to_pylist() for name in table.column_names if name not in MARKS[:3]]
        repeats, contradictions = judge(
            positions, keys.to_pylist(), lambda i, j: all(column[i] == column[j] for column in compared)
        )
        shown = pc.replace_substring(keys, KEY_SEPARATOR, " / ")
        issues = []
        kinds: tuple[tuple[dict[int, int], Severity, str], ...] = (
            (contradictions, "error", "Keep one of the rows, or correct a key."),
            (repeats, "warning", "It is the same in every field, and is skipped."),
        )
        for pairs, severity, advice in kinds:
            seqs = np.array(sorted(pairs), np.int64) + 1
            if not len(seqs):
                continue
            firsts = [rows.place(pairs[int(seq) - 1] + 1) for seq in seqs]
            messages = [f"Row {number} of {name} has the same key. {advice}" for name, number in firsts]
            values = shown.take(pa.array(np.searchsorted(positions, seqs - 1)))
            issues += row_issues(
                rows, "key.duplicate", seqs, rows.entity.key[0], pa.array(messages), values, severity=severity
            )
        rows.fate[[position for position in repeats if rows.fate[position] == CANDIDATE]] = SKIPPED
        rows.fate[list(contradictions)] = REJECTED
        return issues

    def missing(self, rows: CheckedRows, found: list[tuple[np.ndarray, pa.Table]]) -> list[pa.Table]:
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
            issues += row_issues(rows, "value.missing", seqs, item.name, message, None)
            rejected.append(seqs)
        reject(rows, np.concatenate(rejected))
        return issues

    def _is_stored(self, rows: CheckedRows) -> np.ndarray:
        if not set(rows.entity.key) <= rows.present:
            return np.zeros(rows.count, bool)
        stored = stored_identities(self._connection, self._records, rows.entity, rows.entity.key)
        if not len(stored):
            return np.zeros(rows.count, bool)
        own = identities(rows, self._key_columns(rows, rows.entity.key), rows.entity.key)
        return np.asarray(pc.is_in(own, value_set=stored, skip_nulls=True))

    def _key_columns(self, rows: CheckedRows, names: Iterable[str]) -> pa.Table:
        wanted = [
            column
            for name in names
            for column in (name, pending_column(name), late_column(name))
            if column in rows.schema.names
        ]
        return columns(self._storage, rows, wanted)

    def taken(self, rows: CheckedRows, fields: tuple[str, ...]) -> list[pa.Table]:
        """No two rows, and no row and another record, share a unique value."""
        own = identities(rows, self._key_columns(rows, fields), fields)
        usable = np.asarray(pc.is_valid(own)) & (rows.fate == CANDIDATE)
        codes = np.where(usable, np.asarray(pc.fill_null(own.dictionary_encode().indices, -1)), -1)
        order = np.flatnonzero(codes >= 0)
        firsts = order[np.unique(codes[order], return_index=True)[1]]
        repeated = np.setdiff1d(order, firsts) + 1
        stored = stored_identities(self._connection, self._records, rows.entity, fields)
        keys = stored_identities(self._connection, self._records, rows.entity, rows.entity.key)
        at = pc.index_in(own, value_set=stored, skip_nulls=True)
        mine = identities(rows, self._key_columns(rows, rows.entity.key), rows.entity.key)
        other = pc.fill_null(pc.not_equal(keys.take(at), mine), pc.is_valid(at))
        taken = np.flatnonzero(np.asarray(pc.fill_null(other, False)) & usable) + 1
        reject(rows, np.concatenate([repeated, taken]))
        shown = pc.replace_substring(own, KEY_SEPARATOR, " / ")
        return row_issues(
            rows,
            "key.duplicate",
            repeated,
            fields[0],
            "An earlier row of this import has the same value, and it must be unique. Correct one of them.",
            shown.take(pa.array(repeated - 1)),
        ) + row_issues(
            rows,
            "key.exists",
            taken,
            fields[0],
            "Another stored record has this value, and it must be unique. Correct the value, or the key.",
            shown.take(pa.array(taken - 1)),
        )


def unique_sets(rows: CheckedRows) -> list[tuple[str, ...]]:
    """The sets of fields, besides the key, that no two records share, as far as the batch brings them."""
    single = [(item.name,) for item in rows.entity.fields if item.unique]
    sets = dict.fromkeys([*single, *rows.entity.uniques])
    return [fields for fields in sets if set(fields) <= rows.present and fields != rows.entity.key]


def _must_come(entity: Entity, item: Field) -> bool:
    return item.required and item.default is None and item.name not in entity.key


def identities(rows: CheckedRows, table: pa.Table, names: Iterable[str]) -> pa.Array:
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
