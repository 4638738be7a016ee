"""Screen state: the one module that names ``st.session_state`` and the address. It holds ids and places, never data."""

from __future__ import annotations

from typing import Any

import streamlit as st

VIEWS = ("files", "check", "plan", "done")


def batch_id() -> str | None:
    """The batch the address names."""
    return st.query_params.get("batch")


def view() -> str | None:
    """The view of the batch the address names, if it is one."""
    named = st.query_params.get("view")
    return named if named in VIEWS else None


def go(batch: str | None = None, view: str | None = None) -> None:
    """The address names this batch and view."""
    wanted = {"batch": batch, "view": view}
    st.query_params.from_dict({name: value for name, value in wanted.items() if value})


def page_of(list_name: str) -> int:
    """The page (from 0) a list is turned to."""
    return int(st.session_state.get(f"page:{list_name}", 0))


def turn(list_name: str, page: int) -> None:
    """The list is turned to this page."""
    st.session_state[f"page:{list_name}"] = max(0, page)


def choose(widget: str, value: Any) -> None:
    """The widget with this key stands at ``value`` from now on."""
    st.session_state[widget] = value


def chosen(widget: str, default: Any = None) -> Any:
    """Where the widget with this key stands."""
    return st.session_state.get(widget, default)


def take(name: str) -> bool:
    """Whether this was asked for; asked once, done once."""
    return bool(st.session_state.pop(name, False))


def event(component: str, name: str) -> Any:
    """What the component with this key has just told."""
    return st.session_state.get(component, {}).get(name)


def handled(component: str) -> int:
    """The number of the last event of the component that was dealt with."""
    return int(st.session_state.get(f"handled:{component}", 0))


def mark_handled(component: str, nonce: int) -> None:
    """Events up to this number have been dealt with."""
    st.session_state[f"handled:{component}"] = nonce


def tell(sentence: str, kind: str = "error") -> None:
    """The next drawing of a page shows this sentence once."""
    st.session_state["told"] = [*st.session_state.get("told", []), (kind, sentence)]


def told() -> list[tuple[str, str]]:
    """The sentences to show, which are then forgotten."""
    return list(st.session_state.pop("told", []))
