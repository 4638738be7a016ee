"""Writes one entity's rows as they come, chunk by chunk, with their references resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog, Entity, Field
from engine.catalog.text import arrow_type, to_text
from engine.dialects.port import SEQ
from engine.issues import issue_table
from engine.model import KEY_SEPARATOR
from engine.resolver.duplicates import hash_keys
from engine.resolver.lookup import AMBIGUOUS, FOUND, Found, Lookup, Names
from engine.resolver.rows import (
    CLEAR,
    REJECTED,
    ROW_NUMBER,
    SKIPPED,
    SOURCE,
    CheckedRows,
    Span,
    late_column,
    pending_column,
)
from engine.resolver.stored import value_type
from engine.storage import Storage

SUGGESTIONS = 50
"""Distinct unknown texts per reference that get proposals; each costs a pass over all names."""


RowFeed = Callable[[pa.Table, np.ndarray], None]
"""Takes the rows of each chunk on their way to the database, with their fates as far as they are known."""


class Incoming:
    """The open file of an entity's rows; ``lookups`` answers the references that need not wait."""

    def __init__(
        self,
        storage: Storage,
        catalog: Catalog,
        rows: CheckedRows,
        lookups: Mapping[str, Lookup],
        late: frozenset[str],
        *,
        keeps_names: bool,
        feed: RowFeed | None,
    ) -> None:
        self.rows = rows
        self._feed = feed
        self.catalog = catalog
        self.entity: Entity = rows.entity
        self._lookups = lookups
        self._late = late
        self._keeps_names = keeps_names
        self._fates: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []
        self._hashes: list[np.ndarray] = []
        self._seen = 0
        self.issues: list[pa.Table] = []
        self.missing_if_new: list[tuple[np.ndarray, pa.Table]] = []
        self._names: list[tuple[pa.Array, pa.Array, pa.Array]] = []
        self._suggested: dict[str, int] = {}
        self._open = ExitStack()
        self._writer = self._open.enter_context(storage.parquet_writer(rows.path, rows.schema))
        # The file is written beside the checking of the next chunk: Arrow lets go of the interpreter's lock.
        self._pool = self._open.enter_context(ThreadPoolExecutor(1, thread_name_prefix="portage-write"))
        self._written: Future[None] | None = None
        self._digest = hashlib.sha256()

    def add(
        self,
        source: int,
        name: str,
        table: pa.Table,
        cleared: Mapping[str, pa.BooleanArray],
        issues: pa.Table,
        missing_if_new: pa.Table,
        excluded: frozenset[int],
    ) -> None:
        """The rows of one chunk are written; those an error names are rejected, the excluded ones skipped."""
        numbers = np.asarray(table.column("__row"))
        start = self._seen
        seqs = np.arange(start + 1, start + len(numbers) + 1)
        fate = np.zeros(len(numbers), np.int8)
        columns: dict[str, pa.Array] = {
            SEQ: pa.array(seqs),
            SOURCE: pa.array(np.full(len(numbers), source, np.int32)),
            ROW_NUMBER: pa.array(numbers, pa.int64()),
            CLEAR: _clear_column(cleared, len(numbers)),
        }
        found_issues = [issues]
        for item in self.entity.fields:
            if item.name in table.column_names:
                found_issues += self._field(item, name, table, columns)
        whole = pa.concat_tables(found_issues)
        fate[_named_rows(whole, numbers)] = REJECTED
        if excluded:
            gone = np.isin(numbers, list(excluded))
            fate[gone] = SKIPPED
            whole = whole.filter(pa.array(~np.isin(_numbers_of(whole), list(excluded))))
            missing_if_new = missing_if_new.filter(pa.array(~np.isin(_numbers_of(missing_if_new), list(excluded))))
        self._keep(columns, table, fate)
        if missing_if_new.num_rows:
            at = np.searchsorted(numbers, _numbers_of(missing_if_new))
            self.missing_if_new.append((seqs[at], missing_if_new))
        self.issues.append(whole)
        self._fates.append(fate)
        self._numbers.append(numbers)
        self.rows.has_clears |= bool(cleared)
        fields = frozenset(item.name for item in self.entity.fields if item.name in table.column_names)
        self._span(Span(source, name, start + 1, start + len(numbers), fields))
        self._seen += len(numbers)
        self._write(columns, fate)

    def _field(self, item: Field, name: str, table: pa.Table, columns: dict[str, pa.Array]) -> list[pa.Table]:
        values = table.column(item.name).combine_chunks()
        if item.reference is None:
            columns[item.name] = values
            return []
        if item.name in self._late:
            columns[late_column(item.name)] = values
            return []
        lookup = self._lookups[item.name]
        allowed = SUGGESTIONS - self._suggested.get(item.name, 0)
        found = lookup.find(values, item.reference.by, suggestions=max(0, allowed))
        self._suggested[item.name] = self._suggested.get(item.name, 0) + len(found.suggestions)
        columns[item.name] = found.value
        columns[pending_column(item.name)] = found.pending
        if found.pending.null_count < len(found.pending):
            self.rows.pending_references.add(item.name)
        return reference_issues(self.entity, item, name, values, found, table.column("__row").combine_chunks())

    def _keep(self, columns: dict[str, pa.Array], table: pa.Table, fate: np.ndarray) -> None:
        """What memory keeps of each key: a hash, and its text too where others may refer to the rows."""
        parts = [self._key_part(item, columns, table) for item in map(self.entity.field, self.entity.key)]
        hashes = hash_keys(parts)
        hashes[fate == SKIPPED] = 0
        self._hashes.append(hashes)
        if self._keeps_names:
            texts = [self._text(name, table) for name in self.entity.key]
            key = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, KEY_SEPARATOR)
            key = pc.if_else(pa.array(fate != SKIPPED), key, pa.scalar(None, pa.string()))
            self._names.append((key, self._text(self.entity.display, table), self._text(self.entity.aliases, table)))

    def _key_part(self, item: Field, columns: dict[str, pa.Array], table: pa.Table) -> pa.Array:
        if item.name not in table.column_names:
            return pa.nulls(table.num_rows, pa.string())
        if item.reference is None:
            return to_text(columns[item.name], item)
        pending = pc.binary_join_element_wise("new ", columns[pending_column(item.name)].cast(pa.string()), "")
        return pc.coalesce(columns[item.name].cast(pa.string()), pending)

    def _text(self, name: str | None, table: pa.Table) -> pa.Array:
        if name is None or name not in table.column_names:
            return pa.nulls(table.num_rows, pa.string())
        return to_text(table.column(name), self.entity.field(name))

    def _span(self, span: Span) -> None:
        spans = self.rows.spans
        if spans and spans[-1].source == span.source:
            spans[-1] = replace(spans[-1], last=span.last)
        else:
            spans.append(span)

    def _write(self, columns: dict[str, pa.Array], fate: np.ndarray) -> None:
        arrays = [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(len(fate), field.type)
            for field in self.rows.schema
        ]
        table = pa.Table.from_arrays(arrays, schema=self.rows.schema)
        for item in self.entity.references:
            for column in (item.name, pending_column(item.name)):
                if column in columns:
                    self._digest.update(memoryview(pa.RecordBatch.from_arrays([columns[column]], [column]).serialize()))
        self._wait()
        self._written = self._pool.submit(self._writer.write, table)
        if self._feed is not None:
            self._feed(table, fate)

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()

    def close(self) -> np.ndarray:
        """The file is complete; answers the hashes of the keys."""
        self._wait()
        self.rows.digest = self._digest.hexdigest()
        self._open.close()
        self.rows.fate = _joined(self._fates, np.int8)
        self.rows.row_numbers = _joined(self._numbers, np.int64)
        hashes = _joined(self._hashes, np.int64)
        self._hashes.clear()
        return hashes

    def names(self) -> Names:
        """The pending rows as texts others may refer to."""
        columns = zip(*self._names, strict=True) if self._names else ([], [], [])
        keys, displays, aliases = (pa.concat_arrays([pa.array([], pa.string()), *pieces]) for pieces in columns)
        return Names(keys, displays, aliases)


def schema_of(catalog: Catalog, entity: Entity, present: frozenset[str], late: frozenset[str]) -> pa.Schema:
    """The columns of the file of an entity whose sources hold the fields ``present``."""
    fields = [(SEQ, pa.int64()), (SOURCE, pa.int32()), (ROW_NUMBER, pa.int64()), (CLEAR, pa.string())]
    for item in entity.fields:
        if item.name not in present:
            continue
        if item.reference is None:
            fields.append((item.name, arrow_type(item)))
        elif item.name in late:
            fields.append((late_column(item.name), pa.string()))
        else:
            target = catalog.entity(item.reference.to)
            fields.append((item.name, value_type(catalog, target, item.reference.column)))
            fields.append((pending_column(item.name), pa.int64()))
    return pa.schema(fields)


def reference_issues(
    entity: Entity, item: Field, source: str, texts: pa.Array, found: Found, numbers: pa.Array
) -> list[pa.Table]:
    """The issues of the texts that lead nowhere, or to several records."""
    assert item.reference is not None
    bad = found.status != FOUND
    if not bad.any():
        return []
    label = item.reference.to.replace("_", " ")
    issues = []
    for status, code in ((AMBIGUOUS, "reference.ambiguous"), (1, "reference.missing")):
        rows = pa.array(found.status == status)
        named = texts.filter(rows)
        if not len(named):
            continue
        unique = named.unique()
        shown = [text.replace(KEY_SEPARATOR, " / ") for text in unique.to_pylist()]
        messages, proposals = [], []
        for text, plain in zip(unique.to_pylist(), shown, strict=True):
            message, proposal = _message(code, label, text, plain, found)
            messages.append(message)
            proposals.append(proposal)
        at = pc.index_in(named, value_set=unique)
        issues.append(
            issue_table(
                code,
                entity=entity.name,
                source=source,
                row_numbers=numbers.filter(rows),
                field=item.name,
                values=pa.array(shown, pa.string()).take(at),
                message=pa.array(messages, pa.string()).take(at),
                suggestion=pa.array(proposals, pa.string()).take(at),
            )
        )
    return issues


def _message(code: str, label: str, text: str, plain: str, found: Found) -> tuple[str, str | None]:
    if code == "reference.ambiguous":
        listed = ", ".join(found.candidates[text])
        return f"“{plain}” is the name of several records of {label}: {listed}. Use the key of the one you mean.", None
    near = found.suggestions.get(text, [])
    if not near:
        return f"There is no {label} “{plain}”. Correct it, or add the {label} to the import.", None
    listed = " or ".join(str(item) for item in near)
    return f"There is no {label} “{plain}”. Did you mean {listed}?".replace(KEY_SEPARATOR, " / "), near[0].key


def _clear_column(cleared: Mapping[str, pa.BooleanArray], count: int) -> pa.Array:
    if not cleared:
        return pa.nulls(count, pa.string())
    pieces = [pc.if_else(mask, pa.scalar(f"{name},"), pa.scalar("")) for name, mask in cleared.items()]
    joined = pc.binary_join_element_wise(*pieces, "") if len(pieces) > 1 else pieces[0]
    marked = pc.binary_join_element_wise(",", joined, "")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), marked)


def _numbers_of(issues: pa.Table) -> np.ndarray:
    return np.asarray(pc.fill_null(issues.column("row_number"), -1))


def _named_rows(issues: pa.Table, numbers: np.ndarray) -> np.ndarray:
    """Positions of the rows that an error names."""
    if not issues.num_rows:
        return np.zeros(0, np.int64)
    errors = issues.filter(pc.equal(issues.column("severity"), "error"))
    return np.flatnonzero(np.isin(numbers, _numbers_of(errors)))


def _joined(pieces: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(pieces) if pieces else np.zeros(0, kind)
