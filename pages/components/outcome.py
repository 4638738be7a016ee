"""The end of an import: what was written, what was not, and where to go from here."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.model import Batch, ImportResult
from engine.service import ImportExportService
from engine.views.batches import result_of
from engine.views.planned import label_of
from pages.components.frame import link_to
from pages.components.text import count, when

COLUMNS = {
    "insert": "New",
    "update": "Changed",
    "version": "Version kept",
    "skip": "Skipped",
    "unchanged": "Unchanged",
    "reject": "Refused",
}


def show_outcome(service: ImportExportService, batch: Batch) -> None:
    """The result as the ledger has it."""
    result = result_of(service, batch)
    if result is None:
        st.info("This batch was discarded: nothing of it was written.")
        link_to("import", "Start a new import", ":material/upload_file:")
        return
    written = sum(counts.written for counts in result.entities.values())
    st.success(
        f"Done: {count(written, 'record')} written in {result.seconds:.1f} s, {when(result.committed_at)}.",
        icon=":material/check_circle:",
    )
    show_counts(service, result)
    if result.remainder:
        st.warning("The refused rows wait in a batch of their own, to be mended when you have the time.")
        link_to(
            "import", "Open the rows that are left", ":material/arrow_forward:", batch=result.remainder, view="check"
        )
    with st.container(horizontal=True):
        link_to("history", "See each change", ":material/history:", batch=batch.id)
        link_to("import", "Import more files", ":material/upload_file:")
        link_to("home", "Home", ":material/home:")


def show_counts(service: ImportExportService, result: ImportResult) -> None:
    """How many rows of each entity ended in each action."""
    rows = [
        {"Entity": label_of(service.catalog.entity(name)) if name in service.catalog else name, "Rows": counts.rows}
        | {label: getattr(counts, action) for action, label in COLUMNS.items()}
        for name, counts in result.entities.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
