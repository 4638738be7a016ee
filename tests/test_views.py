"""What screens show of a batch: pages of rows with each issue at its cell, the plan, the notebook, the past."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from engine.model import ImportOptions
from engine.notebook import UNDO
from engine.views.asked import allowed_edits, allowed_rows
from engine.views.batches import refused_csv, source_views, step_views
from engine.views.grid import code_counts, equal_rows, grid_page, issues_of, whole_issues
from engine.views.past import change_count, change_page
from engine.views.planned import asked_rows, plan_page, summaries

ORGANIZATION = "code,Company,country\nACME,Acme,GB\nBETA,Beta,Gb\n,Gamma,GB\nDELTA,Delta,Gb\n"
PERSON = "email,name,organization\na@acme.example,Ada,ACMEE\nb@acme.example,Bo,ACMEE\nc@acme.example,Cy,ACME\n"


@pytest.fixture
def opened(desk: Any) -> tuple[Any, str]:
    """A batch of two related files with a few wrong cells."""
    return desk, desk.open(organization=ORGANIZATION, person=PERSON)


def _marks(page: Any) -> list[tuple[int, str, str]]:
    return [(row.number, slot, mark.code) for row in page.rows for slot, marks in row.marks.items() for mark in marks]


def test_every_issue_stands_at_its_cell(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    page = grid_page(desk.service, desk.service.check(batch), 1)
    assert [(column.slot, column.heading) for column in page.columns] == [
        ("code", "code"),
        ("name", "Company"),
        ("country", "country"),
    ]
    assert [(row.number, row.texts) for row in page.rows] == [
        (2, ("ACME", "Acme", "GB")),
        (3, ("BETA", "Beta", "Gb")),
        (4, ("", "Gamma", "GB")),
        (5, ("DELTA", "Delta", "Gb")),
    ]
    assert _marks(page) == [
        (3, "country", "value.pattern"),
        (4, "code", "key.missing"),
        (5, "country", "value.pattern"),
    ]


def test_a_page_can_be_held_to_rows_with_a_problem_or_with_one_code(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    preview = desk.service.check(batch)

    def numbers(**filters: Any) -> tuple[list[int], int, int]:
        page = grid_page(desk.service, preview, 1, **filters)
        return [row.number for row in page.rows], page.first, page.total

    assert numbers(problems=True) == ([3, 4, 5], 0, 3)
    assert numbers(code="value.pattern") == ([3, 5], 0, 2)
    assert numbers(code="value.length") == ([], 0, 0)
    assert numbers(size=3) == ([2, 3, 4], 0, 4)
    assert numbers(size=3, page=1) == ([5], 3, 4)
    assert numbers(size=3, page=99) == ([5], 3, 4), "a page past the end is the last one"


def test_codes_are_counted_errors_first(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    preview = desk.service.check(batch)
    organization, person = preview.batch.sources
    counted = [(item.code, item.severity, item.count) for item in code_counts(issues_of(preview, organization))]
    assert counted == [("value.pattern", "error", 2), ("key.missing", "error", 1)]
    assert [(item.code, item.count) for item in code_counts(issues_of(preview, person))] == [("reference.missing", 2)]


def test_a_suggestion_says_how_many_cells_it_would_mend(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    preview = desk.service.check(batch)
    row = grid_page(desk.service, preview, 2).rows[0]
    (mark,) = row.marks["organization"]
    assert (mark.proposals, mark.equal) == (("ACME",), 2)
    assert equal_rows(preview, 2, "organization", 2, "reference.missing") == [2, 3]
    assert equal_rows(preview, 2, "organization", 4, "reference.missing") == []


def test_both_readings_of_an_ambiguous_date_are_proposed(sample_desk: Any) -> None:
    order = "order_no,customer,ordered_on\nX-1,HONEYDEW,02/03/2026\n"
    preview = sample_desk.service.check(sample_desk.open(order=order))
    (mark,) = grid_page(sample_desk.service, preview, 1).rows[0].marks["ordered_on"]
    assert (mark.code, sorted(mark.proposals)) == ("value.ambiguous_date", ["2026-02-03", "2026-03-02"])


def test_an_edit_shows_with_what_the_file_said(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    desk.service.edit(batch, 1, [(4, "code", "GAMMA"), (4, "website", "https://gamma.example")])
    page = grid_page(desk.service, desk.service.check(batch), 1)
    assert [(column.slot, column.heading) for column in page.columns][3:] == [("website", None)]
    (row,) = [row for row in page.rows if row.number == 4]
    assert row.texts == ("GAMMA", "Gamma", "GB", "https://gamma.example")
    assert (dict(row.edited), dict(row.marks)) == ({"code": "", "website": None}, {})


def test_a_field_the_file_has_no_column_for_gets_one_where_it_is_missed(desk: Any) -> None:
    page = grid_page(desk.service, desk.service.check(desk.open(organization="code\nACME\n")), 1)
    assert [(column.slot, column.heading) for column in page.columns] == [("code", "code"), ("name", None)]
    assert _marks(page) == [(2, "name", "value.missing")]


def test_rows_left_out_are_shown_as_such(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    desk.service.exclude(batch, 1, [4])
    page = grid_page(desk.service, desk.service.check(batch), 1)
    assert [row.number for row in page.rows if row.excluded] == [4]


def test_what_is_wrong_with_a_whole_file_stands_apart(desk: Any) -> None:
    preview = desk.service.check(desk.open(organization="code,name,shoe size\nACME,Acme,44\n"))
    assert [issue.code for issue in whole_issues(preview, preview.batch.sources[0])] == ["column.unknown"]
    assert _marks(grid_page(desk.service, preview, 1)) == []


def test_a_browser_may_only_edit_cells_there_are(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    asked = [
        [4, "code", "GAMMA"],
        [4, "id", "7"],
        [99, "code", "X"],
        [2, "name", "Acme"],
        ["4", "code", "X"],
        [True, "code", "X"],
        [4, "code"],
        [4, "code", None],
        "4,code,X",
    ]
    assert allowed_edits(desk.service, desk.service.batch(batch), 1, asked) == [(4, "code", "GAMMA")]
    for nonsense in (None, {}, "x", 7, [[]]):
        assert allowed_edits(desk.service, desk.service.batch(batch), 1, nonsense) == []
    assert allowed_edits(desk.service, desk.service.batch(batch), 9, [[4, "code", "GAMMA"]]) == []


def test_a_browser_may_only_leave_out_rows_there_are(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    loaded = desk.service.batch(batch)
    assert allowed_rows(desk.service, loaded, 1, [5, 2, 2, 99, "3", True, None]) == [2, 5]
    assert allowed_rows(desk.service, loaded, 9, [2]) == []
    assert allowed_rows(desk.service, loaded, 1, None) == []


def test_the_plan_is_summed_by_entity_and_read_row_by_row(sample_desk: Any) -> None:
    text = "code,name,website\nHONEYDEW,Honeydew Ltd,\nNEW-1,New one,https://new.example\n,No code,\n"
    preview = sample_desk.service.check(sample_desk.open(organization=text))
    (summary,) = summaries(sample_desk.service, preview)
    assert (summary.label, summary.rows, summary.policy) == ("Organization", 3, "update")
    assert {action: count for action, count in summary.counts.items() if count} == {
        "insert": 1,
        "update": 1,
        "reject": 1,
    }
    stored = dict(sample_desk.records("organization", "code", "name"))

    def rows(action: str) -> list[tuple[Any, ...]]:
        page = plan_page(sample_desk.service, preview, "organization", action)
        assert [column.slot for column in page.columns][:2] in (["code", "name"], [])
        return [(row.number, row.texts[:2], dict(row.before), len(row.reasons)) for row in page.rows]

    assert rows("update") == [(2, ("HONEYDEW", "Honeydew Ltd"), {"name": stored["HONEYDEW"]}, 0)]
    assert rows("insert") == [(3, ("NEW-1", "New one"), {}, 0)]
    assert rows("reject") == [(4, ("", "No code"), {}, 1)]
    assert rows("unchanged") == []


def test_rows_to_decide_are_told_apart_from_refused_ones(sample_desk: Any) -> None:
    text = "code,name\nHONEYDEW,Honeydew Ltd\nBRAMBLE,Bramble Ltd\n,No code\n"
    batch = sample_desk.open(ImportOptions(policy="ask"), organization=text)
    preview = sample_desk.service.check(batch)
    (summary,) = summaries(sample_desk.service, preview)
    assert (summary.counts["ask"], summary.counts["reject"]) == (2, 1)
    assert asked_rows(preview, "organization") == {1: [2, 3]}
    page = plan_page(sample_desk.service, preview, "organization", "ask", size=1, page=1)
    assert ([row.number for row in page.rows], page.first, page.total) == ([3], 1, 2)
    sample_desk.service.decide(batch, 1, [2], "version")
    (summary,) = summaries(sample_desk.service, sample_desk.service.check(batch))
    assert (summary.counts["ask"], summary.counts["version"]) == (1, 1)


def test_a_source_shows_how_it_was_read_and_why_it_is_that_entity(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    view, _ = source_views(desk.service, desk.service.batch(batch))
    assert (view.title, view.rows, view.entity) == ("organization.csv", 4, "organization")
    assert view.why and {fact.name for fact in view.facts} >= {"Format", "Encoding", "Delimiter", "Header row"}
    assert [(column.column, column.samples, column.slot) for column in view.columns] == [
        ("code", ("ACME", "BETA", ""), "code"),
        ("Company", ("Acme", "Beta", "Gamma"), "name"),
        ("country", ("GB", "Gb", "GB"), "country"),
    ]
    desk.service.map_source(batch, 1, None)
    view, _ = source_views(desk.service, desk.service.batch(batch))
    assert (view.entity, view.why) == (None, "chosen by hand")


def test_a_source_committed_before_names_that_batch(desk: Any) -> None:
    done = desk.load(organization="code,name\nACME,Acme\n")
    batch = desk.service.batch(desk.open(organization="code,name\nACME,Acme\n"))
    assert [view.earlier for view in source_views(desk.service, batch)] == [done.batch]


def test_the_notebook_tells_each_step_in_a_sentence(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    service = desk.service
    service.edit(batch, 1, [(4, "code", "GAMMA")])
    service.edit(batch, 2, [(2, "organization", "ACME"), (3, "organization", "ACME")])
    service.edit(batch, 1, [(3, "country", "GB"), (5, "country", "")])
    service.exclude(batch, 1, [5])
    service.set_policy(batch, "organization", "skip")
    service.decide(batch, 1, [2, 3], "version")
    service.map_source(batch, 2, None)
    service.add_step(batch, UNDO, {"step": 3})
    told = [(step.sentence, step.undone_by) for step in step_views(service.batch(batch))]
    assert told == [
        ("organization.csv row 4: code is now “GAMMA”", None),
        ("person.csv: organization is now “ACME” in 2 rows", None),
        ("organization.csv: 2 cells edited", 8),
        ("organization.csv: left out row 5", None),
        ("organization: skip records that differ", None),
        ("organization.csv: version 2 rows", None),
        ("person.csv: left out", None),
    ]
    service.add_step(batch, UNDO, {"step": 8})
    assert [step.undone_by for step in step_views(service.batch(batch))] == [None] * 7


def test_refused_rows_come_out_as_they_stand_with_their_reasons(opened: tuple[Any, str]) -> None:
    desk, batch = opened
    desk.service.edit(batch, 1, [(3, "country", "GB")])
    text = refused_csv(desk.service, desk.service.check(batch), 1).decode("utf-8-sig")
    headings, *rows = list(csv.reader(io.StringIO(text)))
    assert headings == ["code", "name", "country", "row number", "issues"]
    assert [row[:4] for row in rows] == [["", "Gamma", "GB", "4"], ["DELTA", "Delta", "Gb", "5"]]
    assert all(row[4] for row in rows)


def test_what_a_commit_changed_can_be_paged_through(desk: Any) -> None:
    desk.load(organization="code,name\nACME,Acme\nBETA,Beta\n")
    done = desk.load(organization="code,name\nACME,Acme Ltd\nBETA,Beta Ltd\nGAMMA,Gamma\n")
    batch = desk.service.batch(done.batch)
    assert change_count(desk.service, batch) == 3
    lines = [line for page in range(2) for line in change_page(desk.service, batch, page=page, size=2)]
    assert sorted(
        (line.record, line.action, line.field, line.before, line.after, line.row_number) for line in lines
    ) == [
        ("ACME", "update", "name", "Acme", "Acme Ltd", 2),
        ("BETA", "update", "name", "Beta", "Beta Ltd", 3),
        ("GAMMA", "insert", None, None, None, 4),
    ]
    assert {line.source for line in lines} == {"organization.csv"}


def test_a_page_far_down_a_long_file_is_the_right_one(desk: Any) -> None:
    text = "code,name\n" + "".join(f"C{number},N{number}\n" for number in range(5_000))
    page = grid_page(desk.service, desk.service.check(desk.open(organization=text)), 1, page=24, size=200)
    assert (page.first, page.total, page.rows[0].number, page.rows[-1].texts) == (4800, 5000, 4802, ("C4999", "N4999"))
