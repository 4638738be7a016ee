"""What each file was found to be: how it is read, which entity it holds, which field each column is. All changeable."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.catalog.model import slots
from engine.errors import PortageError
from engine.model import Batch, ImportOptions
from engine.service import ImportExportService, Preview
from engine.views.batches import SourceView, source_views
from engine.views.grid import code_counts, issues_of, source_of
from pages.components import state
from pages.components.intake import show_more
from pages.components.stepper import next_button
from pages.components.text import count, plain, size, words
from pages.components.waiting import asked

LEFT_OUT = "(left out)"
FOUND = "as found"
ENCODINGS = {
    name: name for name in ("utf-8", "windows-1252", "iso-8859-15", "windows-1250", "utf-16", "mac-roman", "cp850")
}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "vertical bar": "|"}


def show_sources(service: ImportExportService, preview: Preview) -> None:
    """Every source with its entity and mapping; a change is recorded as a step at once."""
    batch = preview.batch
    views = source_views(service, batch)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    left.markdown(
        f"**{count(len(views), 'source')}, {count(sum(view.rows for view in views), 'row')}.**"
        " Look whether each was recognised."
    )
    with right:
        next_button("Check the rows", batch, "check")
    with st.container(horizontal=True):
        show_more(service, batch)
    for view in views:
        with st.container(border=True, key=f"source:{view.number}"):
            _show(service, preview, view)


def _show(service: ImportExportService, preview: Preview, view: SourceView) -> None:
    name, held, problems = st.columns([5, 3, 2], vertical_alignment="center")
    with name:
        st.text(view.title)
        st.caption(" · ".join([count(view.rows, "row"), size(view.size), *(_fact(fact) for fact in view.facts)]))
    with held:
        _entity_choice(service, preview.batch, view)
    with problems:
        _problems(preview, view)
    if view.earlier:
        st.caption(f":material/info: The same file was committed before, in batch `{view.earlier}`.")
    for note in view.notes:
        st.caption(f":material/info: {plain(note)}")
    columns, reading = st.columns([4, 1])
    if any(fact.name == "Delimiter" for fact in view.facts):
        with reading:
            _read_again(service, preview.batch, view)
    if view.entity and view.entity in service.catalog:
        mapped = sum(column.slot is not None for column in view.columns)
        label = f"{mapped} of {len(view.columns)} columns are imported"
        with columns, st.expander(label, icon=":material/view_column:"):
            _mapping(service, preview.batch, view)


def _read_again(service: ImportExportService, batch: Batch, view: SourceView) -> None:
    """The source can be read with another encoding, delimiter or header row."""
    flag = f"read-again:{batch.id}:{view.number}"
    with (
        st.popover("Read it differently", icon=":material/tune:", disabled=batch.status != "open"),
        st.form(f"form:{flag}"),
    ):
        encoding = st.selectbox("Encoding", [FOUND, *ENCODINGS])
        delimiter = st.selectbox("Delimiter", [FOUND, *DELIMITERS])
        header = st.number_input("Header row (0: there is none)", min_value=0, value=None, placeholder=FOUND)
        st.caption("Edits of this file made so far are set aside, and come back when the step is taken out.")
        if st.form_submit_button("Read again", type="primary"):
            state.choose(flag, [ENCODINGS.get(encoding), DELIMITERS.get(delimiter), header])
    wanted = state.chosen(flag)
    if wanted:
        options = ImportOptions(encoding=wanted[0], delimiter=wanted[1], header_row=wanted[2])
        key = ("read", batch.id, str(view.number), str(len(batch.steps)))
        asked(flag, key, lambda _: service.read_again(batch.id, view.number, options), "Reading the file again")
        st.rerun()


def _fact(fact: object) -> str:
    name, value, certain = fact.name, fact.value, fact.certain  # type: ignore[attr-defined]
    said = plain(value) if name == "Format" else f"{name.lower()} {plain(value)}"
    return said if certain else f":orange-badge[{said} – likely, not certain]"


def _problems(preview: Preview, view: SourceView) -> None:
    found = code_counts(issues_of(preview, source_of(preview, view.number)))
    errors = sum(item.count for item in found if item.severity == "error")
    warnings = sum(item.count for item in found if item.severity == "warning")
    if errors:
        st.badge(count(errors, "error"), color="red", icon=":material/error:")
    if warnings:
        st.badge(count(warnings, "warning"), color="orange", icon=":material/warning:")
    if not errors and not warnings:
        st.badge("nothing wrong", color="green", icon=":material/check:")


def _entity_choice(service: ImportExportService, batch: Batch, view: SourceView) -> None:
    names = [None, *(entity.name for entity in service.catalog.entities)]
    key = f"entity:{batch.id}:{view.number}:{len(batch.steps)}"
    st.selectbox(
        "Entity",
        names,
        index=names.index(view.entity) if view.entity in names else 0,
        format_func=lambda name: LEFT_OUT if name is None else name.replace("_", " ").capitalize(),
        key=key,
        help=f"Why: {plain(view.why)}",
        disabled=batch.status != "open",
        on_change=lambda: _map(service, batch, view.number, state.chosen(key), None),
        label_visibility="collapsed",
    )
    st.caption(plain(view.why))


def _mapping(service: ImportExportService, batch: Batch, view: SourceView) -> None:
    assert view.entity is not None
    known = [slot.name for slot in slots(service.catalog, service.catalog.entity(view.entity))]
    frame = pd.DataFrame(
        {
            "Column": [column.column for column in view.columns],
            "First rows": [" · ".join(text for text in column.samples if text) for column in view.columns],
            "Field": [column.slot or LEFT_OUT for column in view.columns],
        }
    )
    key = f"mapping:{batch.id}:{view.number}:{len(batch.steps)}"
    st.data_editor(
        frame,
        key=key,
        hide_index=True,
        disabled=["Column", "First rows"] if batch.status == "open" else True,
        column_config={"Field": st.column_config.SelectboxColumn(options=[LEFT_OUT, *known], required=True)},
        on_change=lambda: _remap(service, batch, view, state.chosen(key), known),
    )
    missing = [item for item in known if item not in [column.slot for column in view.columns]]
    if missing:
        st.caption(f"Fields without a column, which stay as stored: {', '.join(words(name) for name in missing)}")


def _remap(
    service: ImportExportService, batch: Batch, view: SourceView, told: dict[str, object], known: list[str]
) -> None:
    """The editor's delta, held against the columns and fields there are: the browser can send anything."""
    mapping = {column.column: column.slot for column in view.columns}
    for row, cells in dict(told.get("edited_rows", {})).items():  # type: ignore[call-overload]
        slot = cells.get("Field")
        if not 0 <= int(row) < len(view.columns) or slot not in [LEFT_OUT, *known]:
            continue
        for column, taken in mapping.items():
            if taken == slot:
                mapping[column] = None
        mapping[view.columns[int(row)].column] = None if slot == LEFT_OUT else slot
    wanted = {column: slot for column, slot in mapping.items() if slot is not None}
    _map(service, batch, view.number, view.entity, wanted)


def _map(
    service: ImportExportService, batch: Batch, number: int, entity: str | None, mapping: dict[str, str] | None
) -> None:
    try:
        service.map_source(batch.id, number, entity, mapping)
    except PortageError as error:
        state.tell(str(error))
