"""Turns the pages of a long list."""

from __future__ import annotations

import streamlit as st

from pages.components import state
from pages.components.text import count


def show_pager(name: str, first: int, shown: int, total: int, size: int, one: str = "row") -> None:
    """Which rows are shown, and buttons to the pages before and after where there are several."""
    said = f"{first + 1:,} to {first + shown:,} of {count(total, one)}" if total > size else count(total, one)
    if total <= size:
        st.caption(said)
        return
    page, last = first // size, (total - 1) // size
    with st.container(horizontal=True, vertical_alignment="center"):
        _button("First", name, 0, page > 0)
        _button("Previous", name, page - 1, page > 0)
        st.caption(f"{said} – page {page + 1:,} of {last + 1:,}", width="content")
        _button("Next", name, page + 1, page < last)
        _button("Last", name, last, page < last)


def _button(label: str, name: str, page: int, is_open: bool) -> None:
    st.button(label, key=f"{name}:{label}", disabled=not is_open, on_click=state.turn, args=(name, page))
