"""From JSON objects to rows: nested objects become dotted columns, or rows of the entity they belong to.

With a catalog, an order ::

    {"order_no": "SO-1", "customer": {"code": "ACME", "name": "Acme"}, "order_line": [{"line_no": 1}]}

is three rows: an order whose ``customer`` is ``ACME``, an organization (code, name), and an order line
whose ``order`` is ``SO-1``. Without one it is a single row with ``customer.code``, ``customer.name``
and the lines as JSON text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from engine.catalog.model import Catalog, Entity, Field
from engine.processors.json_values import Fault, json_text, plain_text


@dataclass(slots=True)
class Row:
    """One row: the part and entity it belongs to, its row number, its cells by column."""

    part: str
    entity: str | None
    number: int
    cells: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class Unnester:
    """Makes rows of objects, the same ones each time a file is read."""

    def __init__(self, catalog: Catalog | None) -> None:
        self.catalog = catalog
        self._seen: set[bytes] = set()
        self._counts: Counter[str] = Counter()

    def rows(self, part: str, entity: Entity | None, number: int, value: dict[str, Any]) -> Iterator[Row]:
        """The row of ``value`` and those nested in it, each nested record once."""
        nested: list[Row] = []
        yield self._row(part, entity, number, value, nested)
        yield from nested

    def _row(self, part: str, entity: Entity | None, number: int, value: dict[str, Any], nested: list[Row]) -> Row:
        row = Row(part, entity.name if entity else None, number)
        cells = row.cells
        for key, item in value.items():
            if isinstance(item, str) and key not in cells:
                cells[key] = item
                continue
            found = _field_of(entity, key) if entity and isinstance(item, dict) else None
            if isinstance(item, dict) and item and not (found and found.kind == "json"):
                if not (found and self._refer(row, found, key, item, nested)):
                    _flatten(row, f"{key}.", item)
            elif isinstance(item, list) and entity and self._children(row, entity, key, value, item, nested):
                continue
            else:
                _put(row, key, item)
        return row

    def _refer(self, row: Row, found: Field, key: str, item: dict[str, Any], nested: list[Row]) -> bool:
        """Whether the nested object could be put as a reference; its other members are a row of their own."""
        if self.catalog is None or found.reference is None:
            return False
        target = self.catalog.entity(found.reference.to)
        texts = self._key(target, item)
        if texts is None:
            return self._refer_by_display(row, key, target, item)
        for name, text in texts.items():
            _put(row, key if len(texts) == 1 else f"{key}.{name}", text)
        if any(_is_beside(target, name) for name in item):
            part = f"{row.part}.{key}" if row.part else key
            inner: list[Row] = []
            self._keep(self._row(part, target, row.number, item, inner), nested)
            nested.extend(inner)
        return True

    def _refer_by_display(self, row: Row, key: str, target: Entity, item: dict[str, Any]) -> bool:
        name, text = next(iter(item.items()))
        if len(item) != 1 or len(target.key) != 1 or not target.display or isinstance(text, (dict, list)):
            return False
        shown = _field_of(target, name)
        if shown is None or shown.name != target.display:
            return False
        _put(row, key, text)
        return True

    def _keep(self, row: Row, nested: list[Row]) -> None:
        """Takes a nested row in unless the same one came before, in this part."""
        digest = blake2b(repr((row.part, row.cells)).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest not in self._seen or row.faults:
            self._seen.add(digest)
            nested.append(row)

    def _key(self, entity: Entity, value: dict[str, Any]) -> dict[str, str] | None:
        """The key of a nested object by field; None where a part of it is missing or blank."""
        texts = {}
        for name in entity.key:
            item = next((value[key] for key in value if (f := _field_of(entity, key)) and f.name == name), None)
            reference = entity.field(name).reference
            if isinstance(item, dict) and self.catalog and reference:
                inner = self._key(self.catalog.entity(reference.to), item)
                item = next(iter(inner.values())) if inner and len(inner) == 1 else None
            if item is None or isinstance(item, (dict, list)) or not plain_text(item).strip():
                return None
            texts[name] = plain_text(item)
        return texts

    def _children(
        self, row: Row, entity: Entity, key: str, value: dict[str, Any], items: list[Any], nested: list[Row]
    ) -> bool:
        """Whether the list holds the rows of an entity that refers to this one."""
        if not items or not all(isinstance(item, dict) for item in items):
            return False
        child = self._child(entity, key)
        if child is None:
            return False
        backward = next(f for f in child.references if f.reference and f.reference.to == entity.name)
        texts = self._key(entity, value) or {}
        part = f"{row.part}.{key}" if row.part else key
        for item in items:
            self._counts[part] += 1
            inner: list[Row] = []
            made = self._row(part, child, self._counts[part], item, inner)
            for name, text in texts.items():
                made.cells.setdefault(backward.name if len(texts) == 1 else f"{backward.name}.{name}", text)
            nested.extend([made, *inner])
        return True

    def _child(self, entity: Entity, key: str) -> Entity | None:
        """The one entity that refers to ``entity`` by one field and is called as the list is."""
        if self.catalog is None or any(f.name == key for f in entity.fields):
            return None
        found = [
            other
            for other in self.catalog.entities
            if other.name != entity.name
            and sum(f.reference is not None and f.reference.to == entity.name for f in other.references) == 1
            and is_called(other, key, by_last_word=True)
        ]
        return found[0] if len(found) == 1 else None


def _flatten(row: Row, prefix: str, value: dict[str, Any]) -> None:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            _flatten(row, f"{prefix}{key}.", item)
        else:
            _put(row, prefix + key, item)


def _put(row: Row, column: str, item: Any) -> None:
    text = json_text(item) if isinstance(item, (dict, list)) else plain_text(item)
    if column in row.cells:
        message = f'The row has two values for "{column}"; keep one of the two.'
        row.faults.append(Fault("column.duplicate", column, text, message))
    else:
        row.cells[column] = text


def _field_of(entity: Entity, key: str) -> Field | None:
    """The field a member of an object is, by its name, label or known headings."""
    exact = next((f for f in entity.fields if f.name == key), None)
    wanted = _plain(key)
    return exact or next(
        (f for f in entity.fields if wanted in (_plain(f.name), _plain(f.label), *map(_plain, f.headings))), None
    )


def _is_beside(entity: Entity, key: str) -> bool:
    found = _field_of(entity, key)
    return found is None or found.name not in entity.key


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def is_called(entity: Entity, name: str, *, by_last_word: bool = False) -> bool:
    """Whether ``name`` is the entity's name, label or table, in the singular or with an s."""
    known = {entity.name, entity.label, entity.table}
    if by_last_word:
        known |= {entity.name.split("_")[-1]}
    plain = {_plain(word) for word in known if word}
    return _plain(name) in plain | {word + "s" for word in plain}


def entity_called(catalog: Catalog, name: str) -> Entity | None:
    """The one entity of that name."""
    if name in catalog:
        return catalog.entity(name)
    found = [entity for entity in catalog.entities if is_called(entity, name)]
    return found[0] if len(found) == 1 else None


def entity_of_keys(catalog: Catalog, keys: list[str]) -> Entity | None:
    """The entity whose key is among an object's keys and whose fields most of them are, if one is ahead."""
    counts: dict[str, int] = {}
    for entity in catalog.entities:
        fields = {f.name for key in keys if (f := _field_of(entity, key))}
        if fields.issuperset(entity.key):
            counts[entity.name] = len(fields)
    best = max(counts.values(), default=0)
    ahead = [name for name, count in counts.items() if count == best]
    return catalog.entity(ahead[0]) if len(ahead) == 1 and best * 2 >= len(keys) else None
