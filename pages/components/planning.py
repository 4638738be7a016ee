"""The plan: what the rows of each entity will do, how conflicts are settled, each changed field before and after."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engine.errors import PortageError
from engine.model import POLICIES, Policy
from engine.service import ImportExportService, Preview
from engine.views.asked import allowed_rows
from engine.views.planned import SHOWN, EntitySummary, asked_rows, plan_page, summaries
from pages.components import state
from pages.components.committing import show_commit
from pages.components.grid import plan_grid
from pages.components.pager import show_pager
from pages.components.text import count, plain

SIZE = 100
WORDS = {
    "insert": "new",
    "update": "changed",
    "version": "changed, version kept",
    "ask": "to decide",
    "skip": "skipped",
    "reject": "refused",
    "unchanged": "unchanged",
}
COLORS = {
    "insert": "green",
    "update": "blue",
    "version": "violet",
    "ask": "orange",
    "skip": "gray",
    "reject": "red",
    "unchanged": "gray",
}
POLICY_WORDS: dict[Policy, str] = {
    "update": "Update the record",
    "version": "Update, keep a version",
    "skip": "Leave as stored",
    "ask": "Ask me",
}


def show_plan(service: ImportExportService, preview: Preview) -> None:
    """Counts and policy per entity, then the rows of one of them, then what carries it all out."""
    found = summaries(service, preview)
    if not found:
        st.info("No file holds an entity yet: go back to Files and choose one.")
        return
    show_commit(service, preview, found)
    with st.container(border=True):
        for summary in found:
            _show_entity(service, preview, summary)
    _rows(service, preview, found)


def _show_entity(service: ImportExportService, preview: Preview, summary: EntitySummary) -> None:
    name, counts, policy = st.columns([2, 6, 2], vertical_alignment="center")
    name.markdown(f"**{plain(summary.label)}** · {count(summary.rows, 'row')}")
    with counts, st.container(horizontal=True):
        for action in SHOWN:
            if summary.counts[action]:
                st.badge(f"{summary.counts[action]:,} {WORDS[action]}", color=COLORS[action])
    key = f"policy:{preview.batch.id}:{summary.name}:{len(preview.batch.steps)}"
    policy.selectbox(
        "Where a stored record differs",
        POLICIES,
        index=POLICIES.index(summary.policy),
        format_func=POLICY_WORDS.__getitem__,
        key=key,
        disabled=preview.batch.status != "open",
        label_visibility="collapsed",
        help="What happens where a stored record differs from its row",
        on_change=lambda: _set_policy(service, preview, summary.name, state.chosen(key)),
    )


def _set_policy(service: ImportExportService, preview: Preview, name: str, policy: Policy) -> None:
    try:
        service.set_policy(preview.batch.id, name, policy)
    except PortageError as error:
        state.tell(str(error))


def _rows(service: ImportExportService, preview: Preview, found: list[EntitySummary]) -> None:
    of_name = {summary.name: summary for summary in found}
    left, right = st.columns([1, 4], vertical_alignment="bottom")
    with left:
        state.remembered("plan-entity", list(of_name), found[0].name)
        name = st.selectbox("Rows of", list(of_name), format_func=lambda name: of_name[name].label, key="plan-entity")
    actions = [action for action in SHOWN if of_name[name].counts[action]]
    key = f"plan-action:{name}"
    if not actions:
        return
    state.remembered(key, actions, next((item for item in ("ask", "update", "version") if item in actions), actions[0]))
    with right:
        action = st.pills(
            "that are",
            actions,
            format_func=lambda item: f"{WORDS[item]} ({of_name[name].counts[item]:,})",
            key=key,
            label_visibility="collapsed",
            required=True,
        )
    _page(service, preview, name, action)


def _page(service: ImportExportService, preview: Preview, name: str, action: str) -> None:
    listed = f"plan:{preview.batch.id}:{name}:{action}"
    page = plan_page(service, preview, name, action, page=state.page_of(listed), size=SIZE)
    if action == "ask":
        _decide_all(service, preview, name, page.total)
    several = len({row.source for row in page.rows}) > 1
    plan_grid(page, f"{listed}:{page.first}", f"{WORDS[action]} rows", action, several, partial(_act, service, preview))
    show_pager(listed, page.first, len(page.rows), page.total, SIZE)


def _decide_all(service: ImportExportService, preview: Preview, name: str, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Decide row by row below, or all {count(total, 'row')} at once:", width="content")
        for policy in ("update", "version", "skip"):
            st.button(
                POLICY_WORDS[policy],
                key=f"all:{policy}",
                on_click=_settle,
                args=(service, preview, asked_rows(preview, name), policy),
            )


def _settle(service: ImportExportService, preview: Preview, rows: Mapping[int, list[int]], policy: Policy) -> None:
    try:
        for source, numbers in rows.items():
            service.decide(preview.batch.id, source, numbers, policy)
    except PortageError as error:
        state.tell(str(error))


def _act(service: ImportExportService, preview: Preview, event: Mapping[str, Any]) -> None:
    match event:
        case {
            "kind": "decide",
            "source": int(source),
            "row": int(row),
            "policy": "update" | "version" | "skip" as policy,
        }:
            if rows := allowed_rows(service, preview.batch, source, [row]):
                service.decide(preview.batch.id, source, rows, policy)
