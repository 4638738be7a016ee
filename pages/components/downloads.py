"""Takes issues and refused rows away as files.

Small ones go through the browser. Large ones are written to a file whose place is told: Streamlit keeps a download in
memory for every session, and above 1 MiB may hand one person another's bytes.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.issues_file import write_issues
from engine.model import Source
from engine.service import ImportExportService, Preview
from engine.views.batches import refused_csv
from engine.views.grid import code_counts, issues_of

SMALL = 2_000
"""Issues up to which a file surely stays far below 1 MiB."""


def show_downloads(service: ImportExportService, preview: Preview, source: Source) -> None:
    """Buttons for the batch's issues and the source's refused rows, where there are any."""
    issues = preview.run.issues.num_rows
    errors = sum(item.count for item in code_counts(issues_of(preview, source)) if item.severity == "error")
    with st.container(horizontal=True):
        if issues:
            _offer(service, preview, "All issues as CSV", f"issues-{preview.batch.id}.csv", issues, None)
        if errors:
            name = f"refused-{preview.batch.id}-{source.number}.csv"
            _offer(service, preview, "Refused rows of this file as CSV", name, errors, source.number)


def _offer(
    service: ImportExportService, preview: Preview, label: str, name: str, count: int, source: int | None
) -> None:
    if count <= SMALL:
        made = lambda: _write(service, preview, name, source).read_bytes()  # noqa: E731
        st.download_button(label, made, name, "text/csv", icon=":material/download:", on_click="ignore")
    elif st.button(label, icon=":material/save:"):
        st.code(str(_write(service, preview, name, source)), language=None)


def _write(service: ImportExportService, preview: Preview, name: str, source: int | None) -> Path:
    place = (service.settings.home / "downloads" / name).absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    if source is None:
        write_issues(preview.run.issues, place)
    else:
        place.write_bytes(refused_csv(service, preview, source))
    return place
