"""SQL that names tables and reads stored records as text, in any dialect.

A reference is read as the key of the record it names, so that what people see, what the log keeps
and what exports write is one and the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.catalog.model import Catalog, Entity, Field, stored
from engine.dialects.port import Dialect
from engine.dialects.quoting import quoted, table_name
from engine.model import KEY_SEPARATOR

SEPARATOR = f"'{KEY_SEPARATOR}'"


@dataclass(slots=True)
class Joins:
    """The joins a query has gathered so far, each under an alias of its own."""

    clauses: list[str] = field(default_factory=list)

    def alias(self) -> str:
        """A name no other join of the query has."""
        return f"r{len(self.clauses)}"

    def __str__(self) -> str:
        return " ".join(self.clauses)


@dataclass(frozen=True, slots=True)
class Records:
    """How records of a catalog are named and read in the SQL of one dialect."""

    catalog: Catalog
    dialect: Dialect

    def quote(self, name: str) -> str:
        """The identifier, quoted whatever it holds."""
        return quoted(name)

    def table(self, entity: Entity) -> str:
        """The entity's table, with its schema where it has one."""
        return table_name(entity)

    def column(self, alias: str, item: Field) -> str:
        """The field's column of the table called ``alias``."""
        return f"{alias}.{self.quote(item.column)}"

    def key_text(self, entity: Entity, alias: str, joins: Joins) -> str:
        """The text of a record's key; the parts of a composite key are joined by KEY_SEPARATOR."""
        parts = [self.field_text(entity.field(name), alias, joins) for name in entity.key]
        return f" || {SEPARATOR} || ".join(parts)

    def field_text(self, item: Field, alias: str, joins: Joins) -> str:
        """The canonical text of a field; of a reference, the key of the record it names."""
        if item.reference is None:
            return self.dialect.text(self.column(alias, item), item)
        other = self.join(item, self.column(alias, item), joins)
        return self.key_text(self.catalog.entity(item.reference.to), other, joins)

    def slot_text(self, item: Field, part: str | None, alias: str, joins: Joins) -> str:
        """The text of one slot: of a reference to a composite key, the one part of it."""
        if item.reference is None or part is None:
            return self.field_text(item, alias, joins)
        target = self.catalog.entity(item.reference.to)
        return self.field_text(target.field(part), self.join(item, self.column(alias, item), joins), joins)

    def join(self, item: Field, value: str, joins: Joins) -> str:
        """The alias under which the record with that stored ``value`` of a reference is joined."""
        assert item.reference is not None
        target = self.catalog.entity(item.reference.to)
        alias = joins.alias()
        on = f"{alias}.{self.quote(item.reference.column)} = {value}"
        joins.clauses.append(f"LEFT JOIN {self.table(target)} AS {alias} ON {on}")
        return alias

    def stored_field(self, item: Field) -> Field:
        """The ordinary field whose values the field's column holds."""
        return stored(self.catalog, item)
