"""Batches, newest first, each with its files, its state and a link to go on with it."""

from __future__ import annotations

import streamlit as st

from engine.ledger.history import Entry
from engine.service import ImportExportService
from pages.components.frame import link_to
from pages.components.text import count, plain, when

STATES = {"open": ("orange", "open"), "committed": ("green", "committed"), "discarded": ("gray", "discarded")}


def show_recent(service: ImportExportService, limit: int = 8) -> None:
    """The last few batches."""
    st.subheader("Recent batches")
    entries = service.history(limit)
    if not entries:
        st.caption("Nothing was imported yet. Each import appears here, and can be opened again at any time.")
    for entry in entries:
        show_entry(entry)


def show_entry(entry: Entry) -> None:
    """One batch on one line."""
    batch = entry.batch
    color, word = STATES[batch.status]
    with st.container(border=True, key=f"batch:{batch.id}"):
        state, files, done, at, link = st.columns([1, 4, 2, 2, 1], vertical_alignment="center")
        state.badge(word, color=color)
        names = ", ".join(source.title for source in batch.sources[:4])
        more = f" and {len(batch.sources) - 4} more" if len(batch.sources) > 4 else ""
        files.text(names + more)
        done.caption(_written(entry))
        at.caption(f"{plain(entry.committed_by or batch.user)}, {when(batch.created_at)}")
        with link:
            if batch.status == "open":
                link_to("import", "Go on", ":material/arrow_forward:", batch=batch.id)
            else:
                link_to("history", "Look", ":material/history:", batch=batch.id)


def _written(entry: Entry) -> str:
    if entry.result is None:
        return count(sum(source.rows for source in entry.batch.sources), "row")
    return f"{count(sum(counts.written for counts in entry.result.entities.values()), 'record')} written"
