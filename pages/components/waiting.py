"""Waits for work at the desk: briefly without a word, then with a bar that goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import streamlit as st

from engine.model import Batch
from engine.service import ImportExportService, Preview
from engine.surroundings import Progress
from pages.components import state
from pages.components.desk import Key, desk

PATIENCE = 1.0
"""Seconds of waiting in silence; work on small files is done by then, and nothing flickers."""


def outcome(key: Key, work: Callable[[Progress], Any], doing: str) -> Any:
    """What the work answers. While it goes on the page shows how far it is and ends here; what it raises is raised."""
    job = desk().start(key, work)
    try:
        answer = job.future.result(timeout=PATIENCE)
    except NotYet:
        if not job.future.done():
            show_progress(key, doing)
            st.stop()
        desk().forget(key)
        raise
    except BaseException:
        desk().forget(key)
        raise
    desk().forget(key)
    return answer


def asked(flag: str, key: Key, work: Callable[[Progress], Any], doing: str) -> Any:
    """As :func:`outcome`, for work somebody asked for: ``flag`` stands in screen state until it is done or failed."""
    try:
        answer = outcome(key, work, doing)
    except Exception:
        state.choose(flag, None)
        raise
    state.choose(flag, None)
    return answer


def show_progress(key: Key, doing: str) -> None:
    """A bar that follows the job, and draws the page again when it is done."""
    st.subheader(doing)
    st.caption("You can close this page: the work goes on, and the address brings you back to it.")
    _follow(key)


@st.fragment(run_every=0.5)
def _follow(key: Key) -> None:
    job = desk().find(key)
    if job is None or job.future.done():
        st.rerun(scope="app")
    seconds = f"{time.monotonic() - job.started:.0f} s"
    if job.total:
        said = f"{job.stage} – {job.done:,} of {job.total:,} rows – {seconds}"
        st.progress(min(1.0, job.done / job.total), said)
    else:
        rows = f" – {job.done:,} rows" if job.done else ""
        st.markdown(f":material/progress_activity: {job.stage}{rows} – {seconds}")


def checked(service: ImportExportService, batch: Batch, *, again: bool = False, patient: bool = False) -> Preview:
    """The batch's preview as of its last step; worked out at the desk where it is not at hand.

    ``patient``: where checking takes long, the preview before the last edits will do; a button checks them.
    """
    key = ("check", batch.id, str(len(batch.steps)), str(len(batch.sources)))
    if not again and desk().find(key) is None:
        at_hand = desk().kept(service, batch) or (desk().before(batch) if patient else None)
        if at_hand is not None:
            return at_hand

    def work(progress: Progress) -> Preview:
        started = time.monotonic()
        preview = service.check(batch.id, progress, again=again)
        desk().keep(preview, time.monotonic() - started)
        return preview

    return outcome(key, work, "Checking every row")
