"""The service behind the screens: one per process and settings."""

from __future__ import annotations

import gc

import streamlit as st

from engine.service import ImportExportService
from engine.settings import Settings, read_settings


def open_service() -> ImportExportService:
    """The service of the settings in the environment, its database ready; PortageError where it is not."""
    return _service(read_settings())


@st.cache_resource(hash_funcs={Settings: repr}, show_spinner=False, max_entries=8)
def _service(settings: Settings) -> ImportExportService:
    service = ImportExportService(settings)
    service.ready()
    gc.freeze()  # what was imported stays for good: no collection need walk it again
    return service
