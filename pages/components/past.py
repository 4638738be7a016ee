"""One batch of the history with all it changed, and everything that ever happened to one record."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.lineage import Change
from engine.service import ImportExportService
from engine.views.batches import step_views
from engine.views.past import change_count, change_page
from pages.components import state
from pages.components.frame import link_to
from pages.components.outcome import show_counts
from pages.components.pager import show_pager
from pages.components.text import count, html, plain, size, when

SIZE = 100
WORDS = {"insert": "added", "update": "changed", "version": "changed, version kept"}


def show_batch(service: ImportExportService, id: str) -> None:
    """A batch's files, steps, counts and changes."""
    entry = service.history_of(id)
    batch = entry.batch
    link_to("history", "All batches", ":material/arrow_back:")
    st.title(f"Batch {batch.number}")
    who = plain(entry.committed_by or batch.user)
    at = entry.result.committed_at if entry.result else batch.created_at
    st.markdown(f"{batch.status.capitalize()} · {who}, {when(at)} · `{batch.id}`")
    if batch.status == "open":
        link_to("import", "Go on with it", ":material/arrow_forward:", batch=batch.id)
    if entry.result is not None:
        show_counts(service, entry.result)
    changes, files, steps = st.tabs(["Changes", "Files", "Steps"])
    with changes:
        _changes(service, id)
    with files:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "File": item.name,
                        "Part": item.part,
                        "Rows": item.rows,
                        "Size": size(item.size),
                        "sha256": item.sha256,
                    }
                    for item in batch.sources
                ]
            ),
            hide_index=True,
        )
    with steps:
        _steps(service, id)


def _changes(service: ImportExportService, id: str) -> None:
    batch = service.batch(id)
    total = change_count(service, batch)
    if not total:
        st.caption("It changed nothing.")
        return
    name = f"changes:{id}"
    first = min(state.page_of(name), (total - 1) // SIZE) * SIZE
    lines = change_page(service, batch, page=first // SIZE, size=SIZE)
    frame = pd.DataFrame(
        [
            {
                "Entity": line.entity.replace("_", " "),
                "Record": line.record,
                "What": WORDS.get(line.action, line.action),
                "Field": (line.field or "").replace("_", " "),
                "Before": line.before or "",
                "After": line.after or "",
                "From": f"{line.source} row {line.row_number}" if line.source else "",
            }
            for line in lines
        ]
    )
    st.dataframe(frame, hide_index=True, height=min(600, 38 + 35 * len(lines)))
    show_pager(name, first, len(lines), total, SIZE, "change")


def _steps(service: ImportExportService, id: str) -> None:
    steps = step_views(service.batch(id))
    if not steps:
        st.caption("Nothing was changed by hand.")
    for step in steps:
        tag = "span" if step.undone_by is None else "s"
        said = f"<{tag}>{html(step.sentence)}</{tag}> – {html(step.user)}, {when(step.at)}"
        st.html(f"<div class='step'>{said}</div>")


def show_lineage(service: ImportExportService) -> None:
    """Who gave one record its values, when, and from which row of which file."""
    entity_at, key_at = st.columns([1, 3])
    names = [entity.name for entity in service.catalog.entities]
    entity = entity_at.selectbox("Entity", names, format_func=lambda name: name.replace("_", " ").capitalize())
    form = " / ".join(service.catalog.entity(entity).key)
    key = key_at.text_input("Key", placeholder=form, help=f"Written as: {plain(form)}", key="lineage-key").strip()
    if not key:
        st.caption("Type the key of a record to see every change of it.")
        return
    changes = service.lineage(entity, key)
    if not changes:
        st.caption("Portage has no change of this record: it was in the database before.")
        return
    st.caption(count(len(changes), "change"))
    st.dataframe(pd.DataFrame([_line(change) for change in changes]), hide_index=True)


def _line(change: Change) -> dict[str, str | None]:
    commit, origin = change.commit, change.origin
    return {
        "When": when(commit.at) if commit else "",
        "Who": commit.user if commit else "",
        "What": WORDS.get(change.action, change.action),
        "Field": change.field.replace("_", " "),
        "Before": change.before or "",
        "After": change.after or "",
        "From": f"{origin.file} row {origin.row_number}" if origin else "",
        "File said": (origin.raw if origin else None) or "",
        "Edited by": origin.edit.user if origin and origin.edit else "",
        "Batch": commit.batch if commit else "",
    }
