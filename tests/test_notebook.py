"""What steps say, taken together."""

from __future__ import annotations

from engine.model import Step
from engine.notebook import Mapped, effective, read_notebook


def steps(*said):
    return [Step(number, kind, payload, "me", "now") for number, (kind, payload) in enumerate(said, 1)]


def cell(row, slot, text, source=1):
    return "edit", {"source": source, "cells": [{"row": row, "slot": slot, "text": text}]}


def undo(step):
    return "undo", {"step": step}


def test_no_steps_say_nothing():
    notebook = read_notebook([])
    assert (notebook.edits, notebook.excluded, notebook.mapped, notebook.policies, notebook.decisions) == (
        {}, {}, {}, {}, {},
    )  # fmt: skip


def test_later_steps_win_over_earlier_ones_of_the_same_cell():
    notebook = read_notebook(
        steps(cell(2, "name", "A"), cell(2, "name", "B"), cell(3, "name", "C"), cell(2, "code", "D", 2))
    )
    assert notebook.edits == {1: {2: {"name": "B"}, 3: {"name": "C"}}, 2: {2: {"code": "D"}}}


def test_an_undone_step_counts_no_more_and_the_one_before_it_does_again():
    assert read_notebook(steps(cell(2, "name", "A"), cell(2, "name", "B"), undo(2))).edits == {1: {2: {"name": "A"}}}


def test_undoing_an_undoing_brings_the_step_back():
    taken = steps(cell(2, "name", "A"), undo(1), undo(2))
    assert [step.number for step in effective(taken)] == [1]
    assert [step.number for step in effective([*taken, *steps(undo(3))[:0]])] == [1]
    again = [*taken, Step(4, "undo", {"step": 3}, "me", "now")]
    assert [step.number for step in effective(again)] == []


def test_excluded_rows_and_decisions_add_up():
    notebook = read_notebook(
        steps(
            ("exclude", {"source": 1, "rows": [2]}),
            ("exclude", {"source": 1, "rows": [4]}),
            ("decide", {"source": 1, "rows": [5, 6], "policy": "skip"}),
            ("decide", {"source": 1, "rows": [6], "policy": "update"}),
            ("policy", {"entity": "order", "policy": "version"}),
            ("map", {"source": 2, "entity": None, "mapping": {}}),
        )
    )
    assert notebook.excluded == {1: {2, 4}}
    assert notebook.decisions == {1: {5: "skip", 6: "update"}}
    assert notebook.policies == {"order": "version"}
    assert notebook.mapped == {2: Mapped(None, {})}
