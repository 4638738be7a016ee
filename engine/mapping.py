"""Stage 2: rows -> fields. Which entity a source holds, which slot each column is, and the user's edits laid over.

A column is mapped by itself only where its heading *is* the slot's name, label or a known heading, but for case,
spaces and punctuation. What merely looks alike is proposed, never taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from engine.catalog.model import Catalog, Entity, slots
from engine.issues import gather, issue_table

ALIKE = 75.0
"""Score (rapidfuzz ratio, 0 to 100) from which a slot is proposed for an unknown heading."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The entity a source seems to hold, why, and the slot of each column that is known."""

    entity: str | None
    why: str
    mapping: dict[str, str]


def guess(catalog: Catalog, columns: tuple[str, ...], names: tuple[str, ...], entity: str | None = None) -> Guess:
    """The best entity for a source with these columns; ``names`` are what the file and its part are called.

    Where ``entity`` is given only its mapping is found.
    """
    if entity is not None:
        return Guess(entity, "chosen", map_columns(catalog, catalog.entity(entity), columns))
    called = {_plain(name) for name in names if name}
    scored = [_score(catalog, candidate, columns, called) for candidate in catalog.entities]
    best = max(scored, key=lambda item: item[0])
    if best[0] <= 0:
        return Guess(None, "no entity has these columns", {})
    return Guess(best[1].name, best[2], best[3])


def _score(
    catalog: Catalog, entity: Entity, columns: tuple[str, ...], called: set[str]
) -> tuple[float, Entity, str, dict[str, str]]:
    mapping = map_columns(catalog, entity, columns)
    found = {slot.split(".")[0] if slot not in _names(entity) else slot for slot in mapping.values()}
    has_key = set(entity.key) <= found
    named = bool(called & {_plain(entity.name), _plain(entity.label), _plain(entity.table)})
    if not has_key and not (named and found):
        return 0.0, entity, "", mapping
    required = [item.name for item in entity.fields if item.required]
    covered = len(found & set(required)) / len(required) if required else 1.0
    score = len(mapping) / max(1, len(columns)) + covered + (1.0 if named else 0.0) + (0.5 if has_key else 0.0)
    why = f"{len(mapping)} of {len(columns)} columns are its fields" + (", and the file is called so" if named else "")
    return score, entity, why, mapping


def map_columns(catalog: Catalog, entity: Entity, columns: tuple[str, ...]) -> dict[str, str]:
    """The slot of each column whose heading is known; no slot twice, and names win over known headings."""
    known = _headings(catalog, entity)
    mapping: dict[str, str] = {}
    taken: set[str] = set()
    for rank in range(3):
        for column in columns:
            slot = known[rank].get(_plain(column))
            if slot and column not in mapping and slot not in taken:
                mapping[column] = slot
                taken.add(slot)
    return {column: mapping[column] for column in columns if column in mapping}


def _headings(catalog: Catalog, entity: Entity) -> list[dict[str, str]]:
    """Plain heading to slot, in three ranks: the name, the label, other known headings."""
    names: dict[str, str] = {}
    labels: dict[str, str] = {}
    others: dict[str, str] = {}
    for slot in slots(catalog, entity):
        names[_plain(slot.name)] = slot.name
        if slot.part is None:
            if slot.field.label:
                labels[_plain(slot.field.label)] = slot.name
            others |= {_plain(heading): slot.name for heading in slot.field.headings}
            if slot.field.reference:
                key = catalog.entity(slot.field.reference.to).key[0]
                others[_plain(f"{slot.name}.{key}")] = slot.name
    return [names, labels, others]


def _names(entity: Entity) -> set[str]:
    return {item.name for item in entity.fields}


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def column_issues(
    catalog: Catalog,
    entity: Entity,
    source: str,
    columns: tuple[str, ...],
    headings: tuple[str, ...],
    mapping: Mapping[str, str],
) -> pa.Table:
    """A warning for each column that is not imported, and an error for each part of the key that has none."""
    issues = []
    known = [slot.name for slot in slots(catalog, entity)]
    free = [name for name in known if name not in mapping.values()]
    for column, heading in zip(columns, headings, strict=True):
        is_repeated = column != heading and heading in columns
        if column in mapping or is_repeated:
            continue
        near = process.extractOne(
            _plain(column), {name: _plain(name) for name in free}, scorer=fuzz.ratio, score_cutoff=ALIKE
        )
        hint = f" Is it {near[2]}?" if near else ""
        issues.append(
            issue_table(
                "column.unknown",
                entity=entity.name,
                source=source,
                values=pa.array([column]),
                message=f"The column “{column}” belongs to no field and is not imported.{hint}",
                suggestion=near[2] if near else None,
            )
        )
    for name in entity.key if columns else ():  # an empty list of a JSON file has no columns, and lacks none
        if not any(slot == name or slot.startswith(f"{name}.") for slot in mapping.values()):
            issues.append(
                issue_table(
                    "column.missing",
                    entity=entity.name,
                    source=source,
                    field=name,
                    message=f"No column holds {name}, which is part of the key: add it, or map a column to it.",
                )
            )
    return gather(issues)


def to_fields(rows: pa.Table, mapping: Mapping[str, str], row: str, edits: Mapping[int, Mapping[str, str]]) -> pa.Table:
    """The mapped columns under their slots' names, with the edits of single cells laid over.

    ``row`` names the column of row numbers; ``edits`` is {row number: {slot: text}}. A slot the file has no column for
    appears once a cell of it was edited.
    """
    names = [row, *mapping.values()]
    arrays = [rows.column(row), *(rows.column(column) for column in mapping)]
    table = pa.table(arrays, names=names)
    if not edits:
        return table
    numbers = np.asarray(table.column(row))
    touched = np.flatnonzero(np.isin(numbers, list(edits)))
    for slot in dict.fromkeys(name for cells in edits.values() for name in cells):
        if slot not in table.column_names:
            table = table.append_column(slot, pa.nulls(table.num_rows, pa.string()))
        at = [place for place in touched if slot in edits[int(numbers[place])]]
        if at:
            mask = np.zeros(table.num_rows, bool)
            mask[at] = True
            texts = pa.array([edits[int(numbers[place])][slot] for place in at], pa.string())
            changed = pc.replace_with_mask(table.column(slot).combine_chunks(), pa.array(mask), texts)
            table = table.set_column(table.column_names.index(slot), slot, changed)
    return table
