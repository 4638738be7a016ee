"""What is in the database: one figure per entity."""

from __future__ import annotations

import streamlit as st

from engine.service import ImportExportService
from engine.views.planned import label_of
from pages.components.text import plain

A_ROW = 5


def show_overview(service: ImportExportService) -> None:
    """How many records each entity has."""
    counts = service.record_counts()
    st.subheader("In the database")
    if not any(counts.values()):
        st.info("The database is empty. Import files of your own, or try the messy sample on the Import screen.")
    listed = [(service.catalog.entity(name), count) for name, count in counts.items()]
    for start in range(0, len(listed), A_ROW):
        for column, (entity, count) in zip(st.columns(A_ROW), listed[start : start + A_ROW], strict=False):
            column.metric(plain(label_of(entity)), f"{count:,}", border=True)
