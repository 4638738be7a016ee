"""Every messy sample file gives the answer that stands beside it, on both databases."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

MESSY = Path(__file__).parents[1] / "sample_data" / "messy"
NAMES = sorted(answer.name.removesuffix(".expected.json") for answer in MESSY.glob("*.expected.json"))


def _sorted(issues: list[list[Any]]) -> list[list[Any]]:
    return sorted(issues, key=lambda issue: (issue[0] or 0, issue[1] or "", issue[2]))


def test_every_messy_file_has_its_answer_beside_it():
    others = {path.name for path in MESSY.iterdir()} - {"README.md"}
    assert others == {name + ending for name in NAMES for ending in ("", ".expected.json")}


@pytest.mark.parametrize("name", NAMES)
def test_a_messy_file_gives_its_answer(sample_desk, name):
    wanted = json.loads((MESSY / f"{name}.expected.json").read_text())
    before = sample_desk.state()

    outcome = sample_desk.service.run_import([(MESSY / name, name, None)], dry_run=True)

    issues = sample_desk.issues(outcome.batch)
    assert {entity: asdict(counts) for entity, counts in outcome.entities.items()} == wanted["entities"]
    assert _sorted([[i.row_number, i.field, i.code] for i in issues]) == _sorted(wanted["issues"])
    suggested = {f"{i.row_number}:{i.field}": i.suggestion for i in issues if i.suggestion}
    assert {place: suggested.get(place) for place in wanted["suggestions"]} == wanted["suggestions"]
    assert sample_desk.state() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_messy_file_is_read_as_its_answer_says(sqlite_desk, name):
    wanted = json.loads((MESSY / f"{name}.expected.json").read_text())["source"]
    found = sqlite_desk.service.inspect([(MESSY / name, name)])[0]
    read = asdict(found.part.options)
    assert {option: read[option] for option in wanted} == wanted
