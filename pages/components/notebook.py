"""The batch's notebook: each step in a sentence, with what takes it out or puts it back."""

from __future__ import annotations

import streamlit as st

from engine.errors import PortageError
from engine.model import Batch
from engine.notebook import UNDO
from engine.service import ImportExportService
from engine.views.batches import StepView, step_views
from pages.components import state
from pages.components.text import count, html, when

SHOWN = 12


def show_notebook(service: ImportExportService, batch: Batch) -> None:
    """The newest steps first; undoing one works everything after it out again."""
    steps = step_views(batch)[::-1]
    st.markdown(f"**Steps** · {len(steps)}")
    if not steps:
        st.caption("What you change appears here, and can be undone. The file itself is never touched.")
        return
    standing = [step for step in steps if step.undone_by is None]
    st.button(
        "Undo the last step",
        icon=":material/undo:",
        disabled=not standing or batch.status != "open",
        width="stretch",
        on_click=_take_out,
        args=(service, batch, standing[0].number if standing else 0),
        key="undo-last",
    )
    for step in steps[:SHOWN]:
        _show(service, batch, step)
    if len(steps) > SHOWN:
        st.caption(f"and {count(len(steps) - SHOWN, 'earlier step')}")


def _show(service: ImportExportService, batch: Batch, step: StepView) -> None:
    stands = step.undone_by is None
    with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
        tag = "span" if stands else "s"
        st.html(f"<{tag} class='step' title='{html(step.user)}, {when(step.at)}'>{html(step.sentence)}</{tag}>")
        st.button(
            "Take out" if stands else "Put back",
            help="The step no longer counts" if stands else "The step counts again",
            type="tertiary",
            key=f"step-of:{step.number}",
            disabled=batch.status != "open",
            on_click=_take_out,
            args=(service, batch, step.undone_by or step.number),
        )


def _take_out(service: ImportExportService, batch: Batch, number: int) -> None:
    """The step no longer stands; where it is itself an undoing, what it undid stands again."""
    try:
        service.add_step(batch.id, UNDO, {"step": number})
    except PortageError as error:
        state.tell(str(error))
