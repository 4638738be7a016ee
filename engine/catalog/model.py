"""The catalog as values: which entities there are, their fields, and how they refer to each other.

An entity is stored in one table. A *key* identifies a record to people (one or more fields); an
*id* is the number or UUID the database gave it (``Entity.id``), and is None where the key itself
is the primary key, as in many reflected databases.

A field of kind ``reference`` names one record of another entity. Its text in a file is the
target's key, an alias or its display name; what is stored in ``Field.column`` is the value of
``Reference.column`` of the target's table (its id, or its key). Where the target's key has several
fields, the file has one column for each, dotted: ``line.order``, ``line.line_no``.
A :class:`Link` is a reference over several ordinary fields at once, as a composite foreign key is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from engine.model import Policy

Kind = Literal[
    "text", "integer", "decimal", "float", "boolean", "date", "datetime", "time", "uuid", "json", "list", "reference"
]
By = Literal["key", "alias", "display"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Which entity a field names, by what, and which column of its table is stored."""

    to: str
    column: str
    by: tuple[By, ...] = ("key", "alias", "display")
    acyclic: bool = False
    """Whether following the field from record to record may never come back to its start."""


@dataclass(frozen=True, slots=True)
class Field:
    """A slot of an entity. ``minimum`` and ``maximum`` are text in the field's own form."""

    name: str
    column: str
    kind: Kind
    precision: int | None = None
    scale: int | None = None
    required: bool = False
    unique: bool = False
    length: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    label: str = ""
    description: str = ""
    example: str = ""
    headings: tuple[str, ...] = ()
    sensitive: bool = False
    reference: Reference | None = None
    filled: bool = False
    """Whether the database fills the column in by itself: it may be left out, but never holds NULL."""

    @property
    def nullable(self) -> bool:
        """Whether the stored column may hold NULL."""
        return not (self.required or self.filled)


@dataclass(frozen=True, slots=True)
class Link:
    """A reference over several ordinary fields: ``fields`` here equal ``target_fields`` of ``to``."""

    name: str
    fields: tuple[str, ...]
    to: str
    target_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A comparison that must hold between a field and another field or a literal, where both have values."""

    name: str
    left: str
    operator: Literal["<", "<=", ">", ">=", "==", "!="]
    right: str
    right_is_field: bool
    message: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of thing with its table. ``uniques`` are further sets of fields no two records share."""

    name: str
    table: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    schema: str | None = None
    id: str | None = "id"
    id_kind: Literal["integer", "uuid"] = "integer"
    label: str = ""
    display: str | None = None
    aliases: str | None = None
    policy: Policy = "update"
    uniques: tuple[tuple[str, ...], ...] = ()
    links: tuple[Link, ...] = ()
    rules: tuple[Rule, ...] = ()
    sensitive: bool = False

    def field(self, name: str) -> Field:
        """The field called ``name``; KeyError if there is none."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    @property
    def references(self) -> tuple[Field, ...]:
        """The fields that name a record."""
        return tuple(f for f in self.fields if f.reference is not None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All entities, in the order they were written; ``digest`` is the sha256 of what they say."""

    name: str
    entities: tuple[Entity, ...]
    digest: str
    file: str = ""
    _by_name: dict[str, Entity] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({entity.name: entity for entity in self.entities})

    def entity(self, name: str) -> Entity:
        """The entity called ``name``; KeyError if there is none."""
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name


def make_catalog(name: str, entities: tuple[Entity, ...], file: str = "") -> Catalog:
    """The catalog of these entities, with its digest."""
    meaning = json.dumps([name, [asdict(entity) for entity in entities]], ensure_ascii=True, sort_keys=True)
    return Catalog(name, entities, hashlib.sha256(meaning.encode()).hexdigest(), file)


def stored(catalog: Catalog, item: Field) -> Field:
    """The ordinary field whose values ``item.column`` holds: ``item`` itself, or what its reference comes down to.

    A reference stored as the id of its target answers as a required field of the id's kind. ValueError where references
    only lead to each other.
    """
    seen: set[tuple[str, str]] = set()
    while item.reference is not None:
        target, column = catalog.entity(item.reference.to), item.reference.column
        if column == target.id:
            return Field(column, column, target.id_kind, required=True)
        if (target.name, column) in seen:
            raise ValueError(f"{target.name}.{column} is a reference that leads back to itself")
        seen.add((target.name, column))
        item = next(found for found in target.fields if found.column == column)
    return item


@dataclass(frozen=True, slots=True)
class Slot:
    """One column a file may have for a field: the field itself, or one part of a composite key it names.

    ``order_line.shipment`` naming a shipment whose key is (order, number) has the slots
    ``shipment.order`` and ``shipment.number``; every other field has one slot of its own name.
    """

    name: str
    field: Field
    part: str | None = None


def slots(catalog: Catalog, entity: Entity) -> tuple[Slot, ...]:
    """Every column a file of ``entity`` may have, in the order of the fields."""
    found: list[Slot] = []
    for item in entity.fields:
        key = catalog.entity(item.reference.to).key if item.reference else ()
        if len(key) > 1:
            found.extend(Slot(f"{item.name}.{part}", item, part) for part in key)
        else:
            found.append(Slot(item.name, item))
    return tuple(found)
