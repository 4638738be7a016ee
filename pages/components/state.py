"""Screen state: the one module that names ``st.session_state`` and the address. It holds ids and places, never data.

What is kept is plain (texts, numbers, lists of them), so that a session can be moved or restored; anything else is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def _keep(name: str, value: Any) -> None:
    if not _is_plain(value):
        raise TypeError(f"Screen state holds ids, never data: {name} is a {type(value).__name__}.")
    st.session_state[name] = value


def page_of(list_name: str) -> int:
    """The page (from 0) a list is turned to."""
    return int(st.session_state.get(f"page:{list_name}", 0))


def turn(list_name: str, page: int) -> None:
    """The list is turned to this page."""
    _keep(f"page:{list_name}", max(0, page))


def choose(widget: str, value: Any) -> None:
    """The widget with this key stands at ``value`` from now on."""
    _keep(widget, value)


def chosen(widget: str, default: Any = None) -> Any:
    """Where the widget with this key stands."""
    return st.session_state.get(widget, default)


def remembered(widget: str, options: Sequence[Any], default: Any) -> Any:
    """Where the widget with this key is to stand: where it last stood, if that is still one of the options.

    Streamlit forgets a widget that was not drawn for a moment, or remembers it where the browser has forgotten it;
    so its place is kept beside it, and told to the browser each time.
    """
    value = st.session_state.get(widget, st.session_state.get(f"kept:{widget}"))
    if value not in options:
        value = default
    _keep(f"kept:{widget}", value)
    _keep(widget, value)
    return value


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
    _keep(f"handled:{component}", nonce)


def tell(sentence: str, kind: str = "error") -> None:
    """The next drawing of a page shows this sentence once."""
    _keep("told", [*st.session_state.get("told", []), (kind, sentence)])


def told() -> list[tuple[str, str]]:
    """The sentences to show, which are then forgotten."""
    return list(st.session_state.pop("told", []))
