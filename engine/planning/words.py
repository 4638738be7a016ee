"""The SQL of staged rows against stored records, for one entity of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.catalog.model import Field
from engine.dialects.port import SEQ, Stage
from engine.dialects.records import SEPARATOR, Joins, Records
from engine.resolver.rows import CLEAR, CheckedRows, pending_column

S, T, M = "s", "t", "m"
"""Aliases in every query: the staged row, the stored record, the match between them."""


@dataclass(frozen=True, slots=True)
class EntityWords:
    """Names and expressions of the entity numbered ``number`` in the batch (its place in dependency order)."""

    number: int
    rows: CheckedRows
    records: Records
    stage: Stage
    types: dict[str, str]
    late: frozenset[str]
    pending_number: dict[str, int]
    """Which entity's staged rows each reference may be waiting for."""

    def staged(self, kind: str) -> str:
        """The staged table of one kind: ``rows``, ``action``, ``change``, ``insert``."""
        return self.stage.name(f"{kind}_{self.number}")

    def link(self, item: Field) -> str:
        """The staged table of a late reference."""
        return self.stage.name(self.link_name(item))

    def link_name(self, item: Field) -> str:
        """The plain name of the same."""
        place = [f.name for f in self.rows.entity.fields].index(item.name)
        return f"link_{self.number}_{place}"

    @property
    def table(self) -> str:
        """The records' table."""
        return self.records.table(self.rows.entity)

    @property
    def seq(self) -> str:
        """The staged row's number."""
        return f'{S}."{SEQ}"'

    def stored(self, item: Field) -> str:
        """The stored value."""
        return self.records.column(T, item)

    def is_late(self, item: Field) -> bool:
        """Whether the field is linked after insertion, and has links in this batch."""
        return item.name in self.late and item.name in self.rows.links

    def raw(self, item: Field) -> str:
        """The staged value as it was staged."""
        if item.name in self.late:
            return f"l_{self._place(item)}.value" if self.is_late(item) else "NULL"
        return f"{S}.{self.records.quote(item.name)}"

    def pending(self, item: Field) -> str | None:
        """The number of the row a reference waits for; None where no row of the batch has it wait."""
        if self.is_late(item):
            return f"l_{self._place(item)}.pending"
        if item.name in self.rows.pending_references:
            return f"{S}.{self.records.quote(pending_column(item.name))}"
        return None

    def value(self, item: Field) -> str:
        """The staged value in the form the column stores."""
        return self.records.dialect.stored(self.raw(item), self.records.stored_field(item), self._types(item))

    def _types(self, item: Field) -> dict[str, str]:
        stored_as = self.records.stored_field(item)
        return {**self.types, stored_as.column: self.types.get(item.column, "")}

    def cleared(self, item: Field) -> str | None:
        """True where an explicit token clears the field; None where the batch has no such token."""
        if not self.rows.has_clears:
            return None
        name = item.name.replace("'", "''")
        return f"coalesce({S}.{self.records.quote(CLEAR)}, '') LIKE '%,{name},%'"

    def late_joins(self) -> str:
        """Joins of the links of late references to the staged rows."""
        return " ".join(
            f'LEFT JOIN {self.link(item)} AS l_{self._place(item)} ON l_{self._place(item)}."{SEQ}" = {self.seq}'
            for item in self.compared()
            if self.is_late(item)
        )

    def _place(self, item: Field) -> int:
        return [f.name for f in self.rows.entity.fields].index(item.name)

    def compared(self) -> list[Field]:
        """The fields present in the batch that are not part of the key."""
        entity = self.rows.entity
        return [item for item in entity.fields if item.name in self.rows.present and item.name not in entity.key]

    def same_key(self) -> str:
        """The join condition of a staged row and the record with its key."""
        return " AND ".join(
            f"{self.stored(item)} = {self.value(item)}" for item in map(self.rows.entity.field, self.rows.entity.key)
        )

    def outcome(self, item: Field) -> str:
        """What the field of a record holds once the row is carried out."""
        return self.merged(item, self.value(item)) if item in self.compared() else self.stored(item)

    def merged(self, item: Field, given: str) -> str:
        """What is ``given`` for the field laid over what is stored: a blank leaves it, only a token clears it."""
        value = f"coalesce({given}, {self.stored(item)})"
        cleared = self.cleared(item)
        return f"CASE WHEN {cleared} THEN NULL ELSE {value} END" if cleared else value

    def is_record(self) -> str:
        """The condition that the record called T is the one a match met."""
        entity = self.rows.entity
        if entity.id is None:
            return self.same_key()
        record = f"CAST({M}.record AS uuid)" if self.has_native_uuid() else f"{M}.record"
        return f"{T}.{self.records.quote(entity.id)} = {record}"

    def has_native_uuid(self) -> bool:
        """Whether the ids are of the database's own UUID type."""
        return self.rows.entity.id_kind == "uuid" and self.types.get(self.rows.entity.id or "") == "uuid"

    def differs(self, item: Field) -> str:
        """True where the row would change the stored field: a blank cell never does."""
        changed = self.records.dialect.differs(self.stored(item), self.value(item), self.records.stored_field(item))
        ways = [f"({self.raw(item)} IS NOT NULL AND {changed})"]
        if pending := self.pending(item):
            ways.append(f"{pending} IS NOT NULL")
        if cleared := self.cleared(item):
            ways.append(f"({cleared} AND {self.stored(item)} IS NOT NULL)")
        return f"({' OR '.join(ways)})"

    def after_text(self, item: Field, joins: Joins, others: Mapping[int, EntityWords]) -> str:
        """The text of what the field will hold."""
        return self._text(item, self.value(item), self.pending(item), joins, others)

    def _text(
        self, item: Field, value: str, pending: str | None, joins: Joins, others: Mapping[int, EntityWords]
    ) -> str:
        if item.reference is None:
            return self.records.dialect.text(value, item)
        target = self.records.catalog.entity(item.reference.to)
        text = self.records.key_text(target, self.records.join(item, value, joins), joins)
        if pending is None:
            return text
        return f"coalesce({text}, {others[self.pending_number[item.name]]._staged_key(pending, joins, others)})"

    def _staged_key(self, seq: str, joins: Joins, others: Mapping[int, EntityWords]) -> str:
        """The key's text of another staged row, whose own references may be waiting too."""
        alias = joins.alias()
        joins.clauses.append(f'LEFT JOIN {self.staged("rows")} AS {alias} ON {alias}."{SEQ}" = {seq}')
        parts = []
        for item in map(self.rows.entity.field, self.rows.entity.key):
            staged = f"{alias}.{self.records.quote(item.name)}"
            value = self.records.dialect.stored(staged, self.records.stored_field(item), self._types(item))
            waits = item.name in self.rows.pending_references
            pending = f"{alias}.{self.records.quote(pending_column(item.name))}" if waits else None
            parts.append(self._text(item, value, pending, joins, others))
        return f" || {SEPARATOR} || ".join(parts)
