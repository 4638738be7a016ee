"""Real files that are awkward, from the test suites of other readers, each with the grid it should give."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UnreadableFileError
from engine.issues import to_issues
from engine.processors.port import ROW, ReadOptions
from engine.processors.registry import processor_for

NASTY = Path(__file__).parents[3] / "shared" / "data" / "nasty"
pytestmark = pytest.mark.skipif(not NASTY.is_dir(), reason="the awkward files are not beside the repository")

# Where the answer differs from the expected grid, and why.
DIFFERS = {
    "fr__table-infer-iso-8859-7.csv": "Greek in 69 bytes is guessed as Cyrillic, and said to be uncertain",
    "fr__escaping.csv": "a quotation mark after a backslash is kept, with an issue",
    "dd__bad_escape.csv": "a quotation mark after a backslash is kept, with an issue",
    "dd__test__unterminated.csv": "a quotation mark never closed is cut at the end of its line, with an issue",
    "mt__begrotingsanalyse-2011.csv": "the two titles above the header are passed over",
    "mt__weird_head_padding.csv": "the titles above the header are passed over",
}


def cases(*kinds: str) -> list[Any]:
    if not NASTY.is_dir():
        return []
    found = json.loads((NASTY / "cases.json").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["id"]) for case in found if case["kind"] in kinds]


def grid(path: Path) -> tuple[list[list[str]], list[str]]:
    """The header, if there is one, and every row with its surplus cells; and the codes of all issues."""
    processor = processor_for(path, path.name)
    rows: list[list[str]] = []
    codes: list[str] = []
    for part in processor.inspect(path, ReadOptions()):
        if part.options.header_row:
            rows.append(list(part.headings))
        codes.extend(issue.code for issue in to_issues(part.issues))
        for chunk in processor.read(path, part):
            issues = list(to_issues(chunk.issues))
            codes.extend(issue.code for issue in issues)
            surplus = {i.row_number: i.value for i in issues if i.code == "row.too_many_cells"}
            for row in chunk.rows.to_pylist():
                extra = surplus.get(row.pop(ROW))
                more = next(csv.reader([extra], delimiter=part.options.delimiter)) if extra else []
                rows.append([*(cell for cell in row.values() if cell is not None), *more])
    return rows, codes


def compared(rows: list[list[str]]) -> list[list[str]]:
    """Rows without outer blanks, blank cells at the end and blank rows."""
    stripped = [[cell.strip().replace("\r\n", "\n") for cell in row] for row in rows]
    for row in stripped:
        while row and not row[-1]:
            row.pop()
    return [row for row in stripped if row]


@pytest.mark.parametrize("case", cases("csv"))
def test_awkward_csv_gives_the_expected_grid(case):
    path = NASTY / case["file"]
    if case["must"] == "clear_error":
        with pytest.raises(UnreadableFileError):
            grid(path)
        return
    rows, _ = grid(path)
    if case.get("expected_grid"):
        with (NASTY / case["expected_grid"]).open(newline="", encoding="utf-8") as file:
            expected = list(csv.reader(file))
        assert (compared(rows) == compared(expected)) is (case["id"] not in DIFFERS)


@pytest.mark.parametrize("case", cases("json", "other"))
def test_awkward_json_and_foreign_files_are_read_or_refused_clearly(case):
    path = NASTY / case["file"]
    try:
        rows, _ = grid(path)
    except UnreadableFileError as error:
        assert case["must"] != "parse"
        assert len(str(error)) > 20
    else:
        assert case["must"] != "clear_error"
        expected = case["expect"].get("stdlib", "")
        if expected.startswith("ndjson"):
            assert f"{len(rows)} good lines" in expected


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("fr__defective-rows.csv", ["row.too_few_cells", "row.too_many_cells"]),
        ("fr__duplicate-headers.csv", ["column.duplicate", "column.duplicate"]),
        ("fr__structure-errors.csv", ["row.too_many_cells"]),
        ("dd__nullbyte.csv", ["file.encoding"]),
        ("dd__test__unterminated.csv", ["row.quote"]),
        ("fr__latin1.csv", ["file.encoding"]),
        ("dj__duplicate_key.ndjson", ["column.duplicate"]),
        ("dj__trailing_content.ndjson", ["file.unreadable"]),
    ],
)
def test_what_is_wrong_is_said(name, codes):
    assert sorted(grid(NASTY / "files" / name)[1]) == codes
