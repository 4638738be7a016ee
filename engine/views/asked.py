"""What a grid asks for, held against what may be asked: a browser can send any row, slot and text it likes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.catalog.model import slots
from engine.model import Batch
from engine.notebook import read_notebook
from engine.service import ImportExportService
from engine.views.staged import current, numbered, row_numbers, texts_of

LONGEST = 100_000
"""Characters of one cell a screen may write."""

Cell = tuple[int, str, str]


def allowed_edits(service: ImportExportService, batch: Batch, number: int, cells: Any) -> list[Cell]:
    """Those of the asked cells (row number, slot, text) that exist, may be edited, and would change."""
    source = next((item for item in batch.sources if item.number == number), None)
    notebook = read_notebook(batch.steps)
    entity = current(source, notebook).entity if source else None
    if source is None or entity is None:
        return []
    known = {slot.name for slot in slots(service.catalog, service.catalog.entity(entity))}
    sound = [cell for cell in map(_cell, cells if isinstance(cells, list) else []) if cell and cell[1] in known]
    if not sound:
        return []
    raw = numbered(service.around.storage, batch.id, source, [row for row, _, _ in sound])
    rows = dict(zip(*texts_of(raw, source, notebook), strict=True))
    return [cell for cell in sound if cell[0] in rows and (rows[cell[0]].get(cell[1]) or "") != cell[2]]


def _cell(said: Any) -> Cell | None:
    match said:
        case [int(row), str(slot), str(text)] if len(text) <= LONGEST and not isinstance(row, bool):
            return row, slot, text
    return None


def allowed_rows(service: ImportExportService, batch: Batch, number: Any, rows: Any) -> list[int]:
    """Those of the asked row numbers that the source has."""
    source = next((item for item in batch.sources if item.number == number), None)
    if source is None or not isinstance(rows, Iterable):
        return []
    asked = {row for row in rows if isinstance(row, int) and not isinstance(row, bool)}
    everything = row_numbers(service.around.storage, batch.id, source)
    return sorted(int(row) for row in everything[np.isin(everything, sorted(asked))])
