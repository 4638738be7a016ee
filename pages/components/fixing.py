"""The rows of a source in the grid, the problems by code, and what may be done about them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engine.model import Source
from engine.service import ImportExportService, Preview
from engine.views.asked import allowed_edits, allowed_rows
from engine.views.grid import PAGE, CodeCount, code_counts, equal_rows, grid_page, issues_of, whole_issues
from pages.components import state
from pages.components.desk import desk
from pages.components.downloads import show_downloads
from pages.components.grid import edit_grid
from pages.components.notebook import show_notebook
from pages.components.pager import show_pager
from pages.components.stepper import next_button
from pages.components.text import count, plain

ALL, PROBLEMS = "All rows", "Rows with a problem"


def show_fixing(service: ImportExportService, preview: Preview) -> None:
    """One source's rows with each wrong cell marked, and the notebook of steps beside them."""
    verdict, file, forward = st.columns([3, 5, 2], vertical_alignment="center")
    with verdict:
        _verdict(preview)
    with file:
        source = _choose_source(preview)
    with forward:
        next_button("Read the plan", preview.batch, "plan")
    rows, steps = st.columns([4, 1])
    with rows:
        counts = code_counts(issues_of(preview, source))
        code, problems = _filter(preview, source, counts)
        _whole(preview, source)
        _grid(service, preview, source, problems, code)
        show_downloads(service, preview, source)
    with steps:
        show_notebook(service, preview.batch)


def _verdict(preview: Preview) -> None:
    if behind := desk().unchecked(preview.batch):
        st.button(
            f"Check {count(behind, 'edit')}",
            icon=":material/refresh:",
            help="Checking this many rows takes a while, so edits are gathered first",
            on_click=state.choose,
            args=(f"check:{preview.batch.id}", True),
        )
    errors, warnings = preview.issues.error, preview.issues.warning
    if errors:
        st.markdown(f"**{count(errors, 'error')}** to mend, {count(warnings, 'warning')}.")
    else:
        st.markdown(
            f"**Nothing is wrong.** {count(warnings, 'warning')} to look at." if warnings else "**Nothing is wrong.**"
        )


def _choose_source(preview: Preview) -> Source:
    sources = {source.number: source for source in preview.batch.sources}
    wrong = {number: _errors(preview, source) for number, source in sources.items()}
    key = f"source-of:{preview.batch.id}"
    state.remembered(key, list(sources), next((number for number, errors in wrong.items() if errors), min(sources)))
    number = st.selectbox(
        "File",
        list(sources),
        format_func=lambda number: f"{sources[number].title} – {count(wrong[number], 'error')}",
        key=key,
        label_visibility="collapsed",
    )
    return sources[number]


def _errors(preview: Preview, source: Source) -> int:
    return sum(item.count for item in code_counts(issues_of(preview, source)) if item.severity == "error")


def _filter(preview: Preview, source: Source, counts: list[CodeCount]) -> tuple[str | None, bool]:
    """Which rows are shown: all, those with a problem, or those of one code."""
    of_code = {item.code: item for item in counts}
    options = [ALL, PROBLEMS, *of_code]
    key = f"rows-of:{preview.batch.id}:{source.number}"
    state.remembered(key, options, ALL)

    def label(option: str) -> str:
        if option not in of_code:
            return option
        return f"{of_code[option].title} · {of_code[option].count:,}"

    chosen = st.pills(
        "Show", options, format_func=label, key=key, label_visibility="collapsed", wrap=True, required=True
    )
    if chosen in of_code:
        st.caption(f"{of_code[chosen].mend} (`{chosen}`)")
    return (chosen, True) if chosen in of_code else (None, chosen == PROBLEMS)


def _whole(preview: Preview, source: Source) -> None:
    for issue in whole_issues(preview, source):
        show = st.error if issue.severity == "error" else st.warning
        show(plain(issue.message), icon=":material/info:")


def _grid(service: ImportExportService, preview: Preview, source: Source, problems: bool, code: str | None) -> None:
    name = f"grid:{preview.batch.id}:{source.number}:{code or problems}"
    page = grid_page(service, preview, source.number, page=state.page_of(name), problems=problems, code=code)
    if not page.rows:
        st.success("No row has this problem any more." if problems else "The file has no rows.")
        return
    edit_grid(page, f"{name}:{page.first}", f"Rows of {source.title}", partial(_act, service, preview, source))
    show_pager(name, page.first, len(page.rows), page.total, PAGE)


def _act(service: ImportExportService, preview: Preview, source: Source, event: Mapping[str, Any]) -> None:
    """What the user did in the grid becomes a step, as far as it may be."""
    batch = preview.batch
    match event:
        case {"kind": "edit", "cells": cells}:
            _edit(service, preview, source, allowed_edits(service, service.batch(batch.id), source.number, cells))
        case {"kind": "edit_equal", "row": int(row), "slot": str(slot), "code": str(code), "text": str(text)}:
            wanted = [[number, slot, text] for number in equal_rows(preview, source.number, slot, row, code)]
            _edit(service, preview, source, allowed_edits(service, batch, source.number, wanted))
        case {"kind": "exclude", "rows": rows}:
            if allowed := allowed_rows(service, batch, source.number, rows):
                service.exclude(batch.id, source.number, allowed)
        case {"kind": "undo"}:
            service.undo_step(batch.id)


def _edit(service: ImportExportService, preview: Preview, source: Source, cells: list[tuple[int, str, str]]) -> None:
    if cells:
        service.edit(preview.batch.id, source.number, cells)
