"""Each page alone, as a cold server runs it, on a database of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

PAGES = Path(__file__).parents[2] / "pages"
Open = Callable[..., AppTest]


@pytest.fixture
def empty_desk(sqlite_scratch: Any, home: Path) -> Iterator[Any]:
    """The sample's catalog on a database without records."""
    with sqlite_scratch.desk(home=home) as made:
        yield made


@pytest.fixture
def seeded_desk(sqlite_scratch: Any, home: Path) -> Iterator[Any]:
    """The clean sample, loaded."""
    with sqlite_scratch.desk(loaded=True, home=home) as made:
        yield made


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The screens find the test's database."""
    monkeypatch.setenv("PORTAGE_HOME", str(home))
    monkeypatch.setenv("PORTAGE_USER", "tester")
    for name in ("PORTAGE_DATABASE_URL", "PORTAGE_STORAGE", "PORTAGE_CATALOG"):
        monkeypatch.delenv(name, raising=False)
    yield
    for service in [item for item in gc.get_objects() if type(item).__name__ == "ImportExportService"]:
        service.database.dispose()
    st.cache_resource.clear()


@pytest.fixture
def open_page(at_home: None) -> Open:
    """Runs one page by itself, without ``app.py``, at an address; it must not raise."""

    def opened(name: str, **address: str) -> AppTest:
        page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=30)
        for key, value in address.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return opened
