"""The commit: started once, followed from anywhere, its outcome read from the ledger."""

from __future__ import annotations

from concurrent.futures import wait

import streamlit as st

from engine.errors import PortageError, StalePlanError
from engine.model import Batch
from engine.service import ImportExportService, Preview
from engine.views.planned import EntitySummary
from pages.components import state
from pages.components.desk import Key, desk
from pages.components.text import count, plain
from pages.components.waiting import PATIENCE, show_progress


def key_of(batch: Batch) -> Key:
    """The commit of a batch at the desk."""
    return ("commit", batch.id)


def follow_commit(batch: Batch) -> None:
    """While the batch is being committed the page shows only that; when it failed, why."""
    job = desk().find(key_of(batch))
    if job is None:
        return
    wait([job.future], timeout=PATIENCE)
    if not job.future.done():
        show_progress(key_of(batch), "Writing to the database")
        st.stop()
    desk().forget(key_of(batch))
    error = job.future.exception()
    if error is None:
        state.go(batch.id, "done")
        st.rerun()
    else:
        st.error(plain(_explained(error, batch)), icon=":material/error:")


def _explained(error: BaseException, batch: Batch) -> str:
    if isinstance(error, StalePlanError):
        state.choose(f"again:{batch.id}", True)
        return "The database changed since you read this plan, so nothing was written. Here is the new plan."
    if isinstance(error, PortageError):
        return str(error)
    if batch.status == "open":
        return "The commit was broken off, and the ledger has no trace of it: nothing was written. Try again."
    return "The connection broke after the commit: everything was written."


def show_commit(service: ImportExportService, preview: Preview, found: list[EntitySummary]) -> None:
    """What will be written in one sentence, and the button that does it."""
    total = {name: sum(summary.counts[name] for summary in found) for name in found[0].counts}
    changed = total["update"] + total["version"]
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        st.markdown(
            f"**{count(total['insert'], 'record')} will be added and {count(changed, 'record')} changed**, in one"
            f" transaction: all of it or nothing. {total['unchanged']:,} are as they should be."
        )
        partial = _partial(preview, total)
    can = preview.batch.status == "open" and (preview.issues.error == 0 or partial)
    with right:
        st.button(
            "Commit",
            type="primary",
            icon=":material/database_upload:",
            width="stretch",
            disabled=not can,
            help=None if can else "Mend the errors first, or commit only the rows that are right",
            on_click=_start,
            args=(service, preview, partial),
            key="commit",
        )


def _partial(preview: Preview, total: dict[str, int]) -> bool:
    if not preview.issues.error:
        return False
    waiting = f" and {count(total['ask'], 'row')} to decide" if total["ask"] else ""
    st.caption(
        f":material/error: {count(total['reject'], 'row')} refused{waiting}."
        " Nothing is written until that is settled, unless:"
    )
    state.remembered(f"partial:{preview.batch.id}", [True, False], False)
    return st.toggle(
        "Commit the rows that are right, and keep the others as a batch of their own",
        key=f"partial:{preview.batch.id}",
    )


def _start(service: ImportExportService, preview: Preview, partial: bool) -> None:
    batch, digest = preview.batch.id, preview.digest
    desk().start(
        key_of(preview.batch), lambda progress: service.commit(batch, digest, partial=partial, progress=progress)
    )
