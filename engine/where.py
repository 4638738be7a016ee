"""Which records are meant: ``field=value`` as SQL, and a record found by the key a person writes.

Values are compared by their canonical text, so that ``1.5`` finds 1.50. A composite key is written with its parts
between slashes: ``SO-1001/2`` or ``SO-1001 / 2``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

import pyarrow as pa

from engine.catalog.model import Catalog, Entity, Field, Slot, slots
from engine.catalog.text import arrow_type, to_text
from engine.catalog.values import parse
from engine.dialects.quoting import literal
from engine.dialects.records import SEPARATOR, Joins, Records
from engine.errors import UsageError

NUMBERS = ("integer", "decimal", "float")


@dataclass(frozen=True, slots=True)
class Condition:
    """The records of ``entity`` whose ``slot`` has this canonical text; "" means blank."""

    entity: str
    slot: Slot
    text: str


def conditions(catalog: Catalog, entities: Sequence[Entity], where: Iterable[tuple[str, str]]) -> list[Condition]:
    """What the pairs (``field`` or ``entity.field``, text) ask for; UsageError for an unknown field or value."""
    return [_condition(catalog, entities, name, text) for name, text in where]


def _condition(catalog: Catalog, entities: Sequence[Entity], name: str, text: str) -> Condition:
    known = [(entity, slot) for entity in entities for slot in _named(catalog, entity)]
    found = [(entity, slot) for entity, slot in known if name in (slot.name, f"{entity.name}.{slot.name}")]
    if not found:
        raise UsageError(f"There is no field {name!r} {_known(catalog, entities)}.")
    if len(found) > 1:
        several = " or ".join(f"{entity.name}.{name}" for entity, _ in found)
        raise UsageError(f"Several entities have a field {name!r}: write {several}.")
    entity, slot = found[0]
    return Condition(entity.name, slot, canonical(catalog, slot, text))


def _named(catalog: Catalog, entity: Entity) -> list[Slot]:
    """The slots, and the references that are several slots as one."""
    found = list(slots(catalog, entity))
    parted = {slot.field.name: slot.field for slot in found if slot.part}
    return [*found, *(Slot(name, item) for name, item in parted.items())]


def _known(catalog: Catalog, entities: Sequence[Entity]) -> str:
    if len(entities) == 1:
        return f"in {entities[0].name}: it has {', '.join(slot.name for slot in slots(catalog, entities[0]))}"
    return f"in {', '.join(entity.name for entity in entities)}"


def canonical(catalog: Catalog, slot: Slot, text: str) -> str:
    """The canonical text of what somebody wrote for a slot; UsageError where it is no value of its kind."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"The value for {slot.name} holds letters that no record can have.")
    item = meaning(catalog, slot)
    if text == "" or item is None or item.kind in ("text", "json", "list"):
        return text
    try:
        value = parse(item, text)
    except ValueError as error:
        raise UsageError(f"{slot.name} cannot be {text!r}: write {error}.") from error
    if item.kind == "uuid":
        return str(value)
    if item.kind == "datetime":
        value = value.astimezone(UTC)  # once pandera is imported, Arrow takes no notice of an offset
    canonical_text: str = to_text(pa.array([value], arrow_type(item)), item)[0].as_py()
    return canonical_text


def meaning(catalog: Catalog, slot: Slot) -> Field | None:
    """The ordinary field whose text stands in the slot; None where it is a composite key as one text."""
    item, part = slot.field, slot.part
    while item.reference is not None:
        target = catalog.entity(item.reference.to)
        if part is None and len(target.key) > 1:
            return None
        item, part = target.field(part or target.key[0]), None
    return item


def condition_sql(records: Records, condition: Condition, alias: str, joins: Joins) -> str:
    """SQL that is true for the records of the table called ``alias`` that meet the condition."""
    slot = condition.slot
    text = records.slot_text(slot.field, slot.part, alias, joins)
    if condition.text == "":
        return f"({text} IS NULL OR {text} = '')"
    item = meaning(records.catalog, slot)
    if item is None:
        return _is_key(text, condition.text)
    if item.kind in NUMBERS and (item.precision or 0) <= 15:
        return f"CAST({text} AS numeric) = CAST({literal(condition.text)} AS numeric)"
    return f"{text} = {literal(condition.text)}"


def key_sql(records: Records, entity: Entity, key: str, alias: str, joins: Joins) -> str:
    """SQL that is true for the record of the table called ``alias`` with the key a person wrote."""
    return _is_key(records.key_text(entity, alias, joins), key)


def _is_key(text: str, key: str) -> str:
    ways = [f"({text}) = {literal(key)}"]
    if "/" in key:
        ways += [f"replace({text}, {SEPARATOR}, {mark}) = {literal(key)}" for mark in ("'/'", "' / '")]
    return f"({' OR '.join(ways)})"
