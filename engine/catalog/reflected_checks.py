"""CHECK constraints of a reflected table as choices, bounds and rules of its entity."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from engine.catalog.check_text import Choice, Comparison, read_check
from engine.catalog.model import Entity, Field, Rule
from engine.catalog.observed import Table
from engine.catalog.values import parse
from engine.catalog.words import FIELD, ORDERED

_NUMBERS = ("integer", "decimal", "float")
_CHOOSABLE = next(word.kinds for word in FIELD if word.name == "choices")
_BOUNDS = {">=": "minimum", "<=": "maximum"}


def apply_checks(entity: Entity, table: Table, notes: list[str]) -> Entity:
    """The entity with what its table's CHECKs say; one that says more than a catalog can is noted and left to it."""
    for name, condition in table.checks:
        terms = read_check(condition)
        checked = _apply(entity, name, terms) if terms else None
        if checked is None:
            notes.append(f"{table.name}: CHECK ({' '.join(condition.split())}) is left to the database.")
        else:
            entity = checked
    return entity


def _apply(entity: Entity, name: str, terms: list[Choice | Comparison]) -> Entity | None:
    found: Entity | None = entity
    for term in terms:
        item = _field(entity, term.column)
        if found is None or item is None or item.reference is not None:
            return None
        item = found.field(item.name)
        if isinstance(term, Choice):
            found = _with_choices(found, item, term.values)
        elif not term.right_is_column and term.operator in _BOUNDS and item.kind in ORDERED:
            found = _with_bound(found, item, _BOUNDS[term.operator], term.right)
        else:
            found = _with_rule(found, name, item, term)
    return found


def _field(entity: Entity, column: str) -> Field | None:
    """The field of a column; SQLite takes its name in any case."""
    exact = next((item for item in entity.fields if item.name == column), None)
    return exact or next((item for item in entity.fields if item.name.lower() == column.lower()), None)


def _with(entity: Entity, item: Field) -> Entity:
    return replace(entity, fields=tuple(item if old.name == item.name else old for old in entity.fields))


def _with_choices(entity: Entity, item: Field, values: tuple[str, ...]) -> Entity | None:
    if item.kind not in _CHOOSABLE or not all(_is_of(item, value) for value in values):
        return None
    kept = tuple(value for value in values if value in item.choices) if item.choices else values
    return _with(entity, replace(item, choices=kept)) if kept else None


def _with_bound(entity: Entity, item: Field, word: str, text: str) -> Entity | None:
    """The tighter bound stays."""
    if not _is_of(item, text):
        return None
    old = getattr(item, word)
    tighter = max if word == "minimum" else min
    bound = text if old is None else tighter((old, text), key=lambda said: parse(item, said))
    return _with(entity, replace(item, minimum=bound) if word == "minimum" else replace(item, maximum=bound))


def _with_rule(entity: Entity, name: str, item: Field, term: Comparison) -> Entity | None:
    right = _field(entity, term.right) if term.right_is_column else None
    if term.right_is_column and (right is None or not _comparable(item, right)):
        return None
    if right is None and not _is_of(item, term.right):
        return None
    # Other texts than equal ones are ordered by the language of the database.
    if item.kind not in ORDERED and (term.operator not in ("==", "!=") or item.kind in ("json", "list")):
        return None
    operator: Any = term.operator
    shown = right.name if right else term.right
    rule = Rule(
        name=_rule_name(entity, name or f"{item.name}_check"),
        left=item.name,
        operator=operator,
        right=shown,
        right_is_field=right is not None,
        message=f"It must hold that {item.name} {term.operator} {shown}.",
    )
    return replace(entity, rules=(*entity.rules, rule))


def _comparable(left: Field, right: Field) -> bool:
    return left.kind == right.kind or {left.kind, right.kind} <= set(_NUMBERS)


def _is_of(item: Field, text: str) -> bool:
    try:
        parse(item, text)
    except ValueError:
        return False
    return True


def _rule_name(entity: Entity, name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "check"
    taken = {rule.name for rule in entity.rules}
    free, number = plain, 2
    while free in taken:
        free, number = f"{plain}_{number}", number + 1
    return free
