"""A batch is a notebook: each step is checked again, can be undone, and survives the process."""

from __future__ import annotations

import pytest

from engine.errors import RefusedError, UsageError
from engine.model import Counts

WRONG = "code,name,country,remark\nACME,Acme,Great Britain,x\nBOLT,,IE,y\n"
PROBLEMS = [
    (None, None, "column.unknown"),
    (2, "country", "value.length"),
    (2, "country", "value.pattern"),
    (3, "name", "value.missing"),
]


@pytest.fixture
def batch(desk):
    return desk.open(organization=WRONG)


def test_an_edit_is_checked_again_and_committed(desk, batch):
    assert desk.problems(batch) == PROBLEMS
    desk.service.edit(batch, 1, [(2, "country", "GB"), (3, "name", "Bolt")])
    assert desk.problems(batch) == PROBLEMS[:1]
    assert desk.service.commit(batch).entities == {"organization": Counts(2, insert=2)}
    assert desk.records("organization", "code", "name", "country") == [("ACME", "Acme", "GB"), ("BOLT", "Bolt", "IE")]


def test_a_later_edit_of_a_cell_wins_and_can_be_undone(desk, batch):
    desk.service.edit(batch, 1, [(2, "country", "GB")])
    desk.service.edit(batch, 1, [(2, "country", "")])
    desk.service.undo_step(batch)
    assert desk.problems(batch) == [PROBLEMS[0], PROBLEMS[3]]
    desk.service.undo_step(batch)
    assert desk.problems(batch) == PROBLEMS
    assert desk.service.undo_step(batch) is None


def test_an_edit_may_fill_a_field_the_file_has_no_column_for(desk, batch):
    desk.service.edit(batch, 1, [(2, "country", "GB"), (2, "website", "https://acme.example"), (3, "name", "Bolt")])
    desk.service.commit(batch)
    assert desk.records("organization", "code", "website") == [("ACME", "https://acme.example"), ("BOLT", None)]


def test_an_excluded_row_is_skipped_with_all_its_issues(desk, batch):
    desk.service.exclude(batch, 1, [2])
    assert desk.problems(batch) == [PROBLEMS[0], PROBLEMS[3]]
    assert desk.service.check(batch).counts == {"organization": Counts(2, skip=1, reject=1)}


def test_a_row_that_refers_to_an_excluded_row_misses_it(desk):
    batch = desk.open(organization="code,name\nACME,Acme\n", person="email,name,organization\na@x.example,A,ACME\n")
    desk.service.exclude(batch, 1, [2])
    assert desk.problems(batch) == [(2, "organization", "reference.missing")]


def test_an_excluded_duplicate_leaves_the_other_row_standing(desk):
    batch = desk.open(organization="code,name\nACME,One\nACME,Two\n")
    desk.service.exclude(batch, 1, [2])
    assert desk.service.check(batch).counts == {"organization": Counts(2, insert=1, skip=1)}
    desk.service.commit(batch)
    assert desk.records("organization", "code", "name") == [("ACME", "Two")]


def test_columns_can_be_mapped_by_hand(desk):
    batch = desk.open(organization="Kürzel,name\nACME,Acme\n")
    assert desk.problems(batch)[0:2] == [(None, None, "column.unknown"), (None, "code", "column.missing")]
    desk.service.map_source(batch, 1, "organization", {"Kürzel": "code", "name": "name"})
    assert desk.problems(batch) == []
    desk.service.commit(batch)
    assert desk.records("organization", "code", "name") == [("ACME", "Acme")]


def test_a_source_may_turn_out_to_be_another_entity_or_be_left_out(desk):
    batch = desk.service.open_batch(
        [desk.file("things.csv", "x,y\n1,2\n"), *desk.files(organization="code,name\nA,A\n")]
    )
    assert desk.problems(batch.id) == [(None, None, "file.no_entity")]
    desk.service.map_source(batch.id, 1, None)
    assert desk.problems(batch.id) == []
    desk.service.map_source(batch.id, 1, "product", {"x": "sku", "y": "name"})
    assert desk.problems(batch.id) == [(2, "category", "value.missing"), (2, "unit_price", "value.missing")]


def test_a_step_of_another_process_is_seen(desk, batch):
    desk.service.check(batch)
    other = desk.again()
    other.edit(batch, 1, [(2, "country", "GB"), (3, "name", "Bolt")])
    assert desk.problems(batch) == PROBLEMS[:1]
    assert other.check(batch).digest == desk.service.check(batch).digest


def test_another_process_may_commit_the_plan_that_was_read(desk, batch):
    desk.service.edit(batch, 1, [(2, "country", "GB"), (3, "name", "Bolt")])
    digest = desk.service.check(batch).digest
    assert desk.again().commit(batch, digest).status == "committed"


def test_a_committed_batch_takes_no_more_steps_and_files(desk):
    batch = desk.open(organization="code,name\nACME,Acme\n")
    desk.service.commit(batch)
    with pytest.raises(RefusedError, match="committed"):
        desk.service.edit(batch, 1, [(2, "name", "Other")])
    with pytest.raises(RefusedError, match="committed"):
        desk.service.add_files(batch, desk.files(organization="code,name\nNEW,New\n"))


def test_files_can_be_added_to_an_open_batch(desk):
    batch = desk.open(person="email,name,organization\na@x.example,A,ACME\n")
    assert desk.problems(batch) == [(2, "organization", "reference.missing")]
    desk.service.add_files(batch, desk.files(organization="code,name\nACME,Acme\n"))
    assert desk.problems(batch) == []


def test_an_unknown_batch_is_a_usage_error(desk):
    with pytest.raises(UsageError, match="no batch 'nothing'"):
        desk.service.check("nothing")
