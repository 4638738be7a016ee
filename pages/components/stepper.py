"""Where an import is: Files, Check, Plan, Done. The next step is always the one that stands out."""

from __future__ import annotations

import streamlit as st

from engine.model import Batch
from pages.components import state

NAMES = {"files": "Files", "check": "Check", "plan": "Plan", "done": "Done"}


def view_of(batch: Batch) -> str:
    """The view to draw: the one the address names, as far as the batch has come."""
    if batch.status != "open":
        return "done"
    named = state.view()
    return named if named and named != "done" else "files"


def show_stepper(batch: Batch | None, view: str) -> None:
    """The four steps, each a button to its view once the batch has come so far."""
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        for place, (name, label) in enumerate(NAMES.items(), 1):
            st.button(
                f"{place} · {label}",
                key=f"step:{name}",
                type="primary" if name == view else "tertiary",
                disabled=not _is_open(name, batch),
                on_click=state.go,
                args=(batch.id if batch else None, name),
            )


def _is_open(name: str, batch: Batch | None) -> bool:
    if batch is None:
        return name == "files"
    return (batch.status != "open") == (name == "done")


def next_button(label: str, batch: Batch, view: str, *, disabled: bool = False, hint: str | None = None) -> None:
    """The one thing to do next on this view."""
    st.button(
        label,
        type="primary",
        icon=":material/arrow_forward:",
        disabled=disabled,
        help=hint,
        on_click=state.go,
        args=(batch.id, view),
        key=f"next:{view}",
    )
