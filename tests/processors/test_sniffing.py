from __future__ import annotations

import pytest

from engine.processors.headings import unique_columns
from engine.processors.sniffing import find_dialect, find_header, kind_of


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("name\nAnn Lee\nBob Ray\n", ","),
        ("at\n10:15\n11:30\n", ","),
        ("a|b\n1|5,5\n2|6,5\n", "|"),
        ("x;y\n1,5;2,5\n3,5;4,5\n", ";"),
        ("\na 1\nb 2\nc 3\n", " "),
        ("title of the table\nid,name,n\n1,x,2\n2,y,3\n", ","),
        ('"a;b","c;d"\n"e;f","g;h"\n', ","),
    ],
)
def test_the_delimiter_is_what_cuts_the_rows_alike(text, delimiter):
    assert find_dialect(text).dialect.delimiter == delimiter


def test_a_file_of_one_column_has_no_sure_delimiter():
    assert not find_dialect("code\nA1\nB2\n").certain


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("12", "number"),
        ("-1.234,50", "number"),
        ("$5", "number"),
        ("2026-03-31", "date"),
        ("31/3/2026 10:00", "date"),
        ("Dec 8, 2022", "date"),
        ("A12", "text"),
        ("1 Main Street", "text"),
        (" ", "blank"),
    ],
)
def test_the_kind_of_a_cell_is_what_a_person_says(cell, kind):
    assert kind_of(cell) == kind


@pytest.mark.parametrize(
    ("rows", "row", "certain"),
    [
        ([["id", "name"], ["1", "x"]], 1, True),
        ([["# note"], ["id", "name", "n"], ["1", "x", "2"], ["2", "y", "3"]], 2, True),
        ([["Report", "", ""], ["", "", ""], ["a", "b", "c"], ["1", "2", "3"], ["4", "5", "6"]], 3, True),
        ([["1", "x"], ["2", "y"]], 0, False),
        ([["x", "y"], ["x", "z"]], 1, True),
        ([["x", "x"], ["y", "z"]], 1, False),
        ([], 0, False),
    ],
)
def test_the_header_is_the_first_row_that_names_columns(rows, row, certain):
    found = find_header(rows)
    assert (found.row, found.certain) == (row, certain)


def test_columns_are_unique_and_never_blank():
    assert unique_columns(("a", "", "a", " a ", "column 2", "a (2)")) == (
        "a", "column 2 (2)", "a (3)", "a (4)", "column 2", "a (2)",
    )  # fmt: skip
