"""The beginning of an import: files are dropped, kept and read, and become a batch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engine.errors import PortageError
from engine.model import Batch
from engine.service import ImportExportService
from engine.settings import SAMPLE
from engine.surroundings import Progress
from pages.components import state
from pages.components.text import words
from pages.components.waiting import asked

Files = list[tuple[Path, str, str | None]]
TEMPLATE_KINDS = {"csv": "text/csv", "json": "application/json"}


def show_intake(service: ImportExportService) -> None:
    """Files can be dropped; once they are read, the address names their batch."""
    st.title("Import")
    st.markdown("Bring several related files at once: Portage finds out what each one holds, and checks them together.")
    dropped = st.file_uploader("Files to import", accept_multiple_files=True, key="dropped")
    left, right = st.columns([3, 2])
    with left, st.container(horizontal=True):
        reading = st.button("Read the files", type="primary", disabled=not dropped, icon=":material/arrow_forward:")
        trying = st.button(
            "Try it with the messy sample", icon=":material/science:", help="Nine files, wrong on purpose"
        )
    with right:
        _templates(service)
    if reading or state.chosen("reading"):
        state.choose("reading", True)
        _read(service, [(file.name, file) for file in dropped], tuple(file.file_id for file in dropped))
    if trying or state.chosen("trying"):
        state.choose("trying", True)
        _read_sample(service)


def _read(service: ImportExportService, dropped: Sequence[tuple[str, object]], ids: tuple[str, ...]) -> None:
    def work(progress: Progress) -> Batch:
        with tempfile.TemporaryDirectory(prefix="portage-") as folder:
            return service.open_batch(_laid_down(dropped, Path(folder)), progress=progress)

    _open(asked("reading", ("open", *ids), work, "Reading the files"))


def show_more(service: ImportExportService, batch: Batch) -> None:
    """Further files can be dropped into an open batch; or the batch is discarded."""
    flag = f"adding:{batch.id}"
    with st.popover("Add files", icon=":material/add:"):
        dropped = st.file_uploader(
            "Further files", accept_multiple_files=True, key=f"more:{batch.id}:{len(batch.sources)}"
        )
        if st.button("Add them", type="primary", disabled=not dropped):
            state.choose(flag, True)
    if state.chosen(flag) and dropped:
        _add(service, batch, [(file.name, file) for file in dropped], flag)
    st.button("Discard the batch", icon=":material/delete:", on_click=_discard, args=(service, batch))


def _add(service: ImportExportService, batch: Batch, dropped: Sequence[tuple[str, object]], flag: str) -> None:
    def work(progress: Progress) -> Batch:
        with tempfile.TemporaryDirectory(prefix="portage-") as folder:
            return service.add_files(batch.id, _laid_down(dropped, Path(folder)), progress)

    asked(flag, ("add", batch.id, str(len(batch.sources))), work, "Reading the files")
    st.rerun()


def _discard(service: ImportExportService, batch: Batch) -> None:
    try:
        service.discard(batch.id)
    except PortageError as error:
        state.tell(str(error))


def _laid_down(dropped: Sequence[tuple[str, object]], folder: Path) -> Files:
    """The dropped files on disk, under names of our own making."""
    files: Files = []
    for number, (name, content) in enumerate(dropped):
        path = folder / f"{number}{Path(name).suffix.lower()}"
        path.write_bytes(content.getbuffer())  # type: ignore[attr-defined]
        files.append((path, name, None))
    return files


def _read_sample(service: ImportExportService) -> None:
    found = sorted(file for file in (SAMPLE / "messy").iterdir() if file.suffix in (".csv", ".json", ".jsonl"))
    files: Files = [(file, file.name, None) for file in found if not file.name.endswith(".expected.json")]
    _open(
        asked(
            "trying", ("sample",), lambda progress: service.open_batch(files, progress=progress), "Reading the sample"
        )
    )


def _open(batch: Batch) -> None:
    state.go(batch.id)
    st.rerun()


def _templates(service: ImportExportService) -> None:
    with st.popover("Templates to fill in", icon=":material/download:"):
        name = st.selectbox("Entity", [entity.name for entity in service.catalog.entities], format_func=_readable)
        with st.container(horizontal=True):
            for kind, mime in TEMPLATE_KINDS.items():
                content = service.template_bytes(name, kind)
                st.download_button(kind.upper(), content, f"{name}.{kind}", mime, on_click="ignore")
        st.caption(f"A file with the headings of {words(name)}; a JSON template says what each field asks for.")


def _readable(name: str) -> str:
    return name.replace("_", " ").capitalize()
