"""The frame of every screen. Each page begins with :func:`opened`: a cold server runs a page without ``app.py``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import streamlit as st

from engine.errors import PortageError, UsageError
from engine.service import ImportExportService
from pages.components import state
from pages.components.door import open_service
from pages.components.text import plain

PAGES = Path(__file__).parents[1]
INIT = "python -m engine init --sample"
_in_app: ContextVar[bool] = ContextVar("in_app", default=False)
_log = logging.getLogger("portage.screens")

_STYLE = """<style>
.block-container { padding-top: 4.2rem; padding-bottom: 3rem; max-width: 96rem; }
.step { font-size: 0.85rem; opacity: 0.85; overflow-wrap: anywhere; }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
</style>"""


def run_app() -> None:
    """The navigation stands, and the page the address names is drawn."""
    token = _in_app.set(True)
    try:
        _navigate().run()
    finally:
        _in_app.reset(token)


def _pages() -> dict[str, st.Page]:  # type: ignore[valid-type]
    # No icons: Streamlit makes a page's icon the favicon, which the browser would fetch from another company's server.
    return {
        "home": st.Page(PAGES / "home.py", title="Home", default=True),
        "import": st.Page(PAGES / "import.py", title="Import", url_path="import"),
        "history": st.Page(PAGES / "history.py", title="History", url_path="history"),
    }


def _navigate() -> st.Page:  # type: ignore[valid-type]
    return st.navigation(list(_pages().values()), position="top")


def _draw_as_app(title: str) -> None:
    """A page run without ``app.py`` is drawn as if through it: else its widgets change their ids at the first click."""
    if _navigate().title == title:
        run_app()
        st.stop()


@contextmanager
def opened(title: str) -> Iterator[ImportExportService]:
    """The page has its frame, and the service is open; what Portage cannot do is told in a sentence."""
    st.set_page_config(page_title=f"{title} · Portage", page_icon="🛶", layout="wide")
    if not _in_app.get():
        _draw_as_app(title)
    st.html(_STYLE)
    for kind, sentence in state.told():
        (st.success if kind == "done" else st.error)(plain(sentence))
    try:
        service = open_service()
    except PortageError as error:
        _not_ready(error)
        st.stop()
    try:
        yield service
    except PortageError as error:
        _log.warning("%s", error)
        st.error(plain(str(error)), icon=":material/error:")
        if state.batch_id() is not None and title == "Import":
            link_to("import", "Start a new import", ":material/upload_file:")


def _not_ready(error: PortageError) -> None:
    st.title("Portage is almost ready")
    if isinstance(error, UsageError):
        st.markdown("Make the database, with some sample records to try things on, then reload this page:")
        st.code(INIT, language="shell")
        st.caption("Leave out `--sample` to begin with an empty database.")
        st.text(str(error))
    else:
        st.error(plain(str(error)), icon=":material/error:")
    st.button("Try again", type="primary")


def go_button(page: str, label: str, icon: str) -> None:
    """The one thing to do next, where it stands on another screen."""
    if st.button(label, icon=icon, type="primary"):
        st.switch_page(_pages()[page])


def link_to(page: str, label: str, icon: str, **address: str) -> None:
    """A link to another screen, with its address."""
    st.page_link(_pages()[page], label=label, icon=icon, query_params=address or None)
