"""The grid: a small table of its own, because Streamlit's editor can colour no single cell that can be edited.

What the browser tells is a wish: the caller holds it against what may be asked (:mod:`engine.views.asked`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import PortageError
from engine.views.grid import GridPage
from engine.views.planned import PlanPage
from pages.components import state

Act = Callable[[Mapping[str, Any]], None]
HERE = Path(__file__).parent
DECISIONS = (
    {"policy": "update", "label": "Update", "title": "The stored record takes the new values"},
    {
        "policy": "version",
        "label": "Keep a version",
        "title": "The record is updated, and its old state kept beside it",
    },
    {"policy": "skip", "label": "Leave as stored", "title": "The row is not brought in"},
)


def edit_grid(page: GridPage, key: str, label: str, act: Act) -> None:
    """The rows stand in an editable grid; ``act`` is told what the user does there."""
    rows = [
        {
            "number": row.number,
            "texts": row.texts,
            "marks": {slot: [asdict(mark) for mark in marks] for slot, marks in row.marks.items()},
            "edited": dict(row.edited),
            "before": {},
            "excluded": row.excluded,
            "reasons": [],
        }
        for row in page.rows
    ]
    _mount({"mode": "edit", "label": label, "columns": _columns(page), "rows": rows}, key, act)


def plan_grid(page: PlanPage, key: str, label: str, action: str, several: bool, act: Act) -> None:
    """The rows of a plan stand in a grid to read; those to be asked about have buttons."""
    rows = [
        {
            "number": row.number,
            "at": row.source,
            "source": row.source_name if several else None,
            "texts": row.texts,
            "marks": {},
            "edited": {},
            "before": dict(row.before),
            "excluded": False,
            "tone": action,
            "reasons": row.reasons,
        }
        for row in page.rows
    ]
    data = {"mode": "read", "label": label, "columns": _columns(page), "rows": rows}
    if action == "ask":
        data |= {"last": "What shall happen?", "choices": DECISIONS}
    if action == "reject":
        data |= {"last": "Why it is refused"}
    _mount(data, key, act)


def _columns(page: GridPage | PlanPage) -> list[dict[str, Any]]:
    return [asdict(column) for column in page.columns]


def _mount(data: dict[str, Any], key: str, act: Act) -> None:
    component = st.components.v2.component(
        "portage_grid",
        html='<div class="grid"></div>',
        css=(HERE / "grid.css").read_text(encoding="utf-8"),
        js=(HERE / "grid.js").read_text(encoding="utf-8"),
    )
    component(key=key, data={**data, "handled": state.handled(key)}, on_act_change=lambda: _told(key, act))


def _told(key: str, act: Act) -> None:
    event = state.event(key, "act")
    if not isinstance(event, Mapping) or not isinstance(event.get("nonce"), int):
        return
    state.mark_handled(key, event["nonce"])
    try:
        act(event)
    except PortageError as error:
        state.tell(str(error))
