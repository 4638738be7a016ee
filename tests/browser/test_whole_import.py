"""One analyst, one browser: from wrong files to records in the database."""

from __future__ import annotations

import csv
import json
from typing import Any


def test_an_analyst_mends_a_messy_file_and_commits_it(walk: Any, seeded_desk: Any) -> None:
    root = seeded_desk.service.settings.catalog_file.parent
    walk.go("/import")  # a deep link, and the first thing this server ever draws
    walk.page.locator("input[type=file]").set_input_files(str(root / "messy" / "order.csv"))
    walk.page.get_by_text("order.csv").first.wait_for()
    walk.settle()
    walk.press("Read the files")
    walk.page.wait_for_url("**batch=*")
    walk.page.get_by_text("16 rows").first.wait_for()
    walk.press("Check the rows")
    walk.cell(2, "order_no").wait_for()
    assert walk.wrong() == _expected(root / "messy" / "order.csv.expected.json")

    walk.use(5, "ordered_on", "2026-02-03")
    walk.type(6, "ordered_on", "2026-02-28")
    walk.type(7, "shipped_on", "2026-07-12")
    walk.use(8, "status", "shipped")
    walk.use(9, "customer", "NORTHGATE-YORK")
    walk.type(10, "contact", _mail_of("Sam Green", root / "clean" / "person.csv"))
    walk.type(11, "ordered_on", "2026-07-04")
    walk.page.reload()  # nothing is lost with the page
    walk.cell(12, "order_no").wait_for()
    walk.type(12, "order_no", "SO-2009")
    walk.type(13, "shipped_on", "2026-07-08")
    walk.cell(14, "").click()
    walk.page.get_by_role("button", name="Leave this row out").click()
    walk.page.wait_for_selector("tr.excluded")
    walk.type(16, "customer", "BRAMBLE")
    walk.type(17, "shipped_on", "2026-06-19")
    walk.page.get_by_text("Nothing is wrong.").wait_for()
    assert walk.wrong() == []

    walk.press("Read the plan")
    walk.page.get_by_text("12 records will be added and 2 records changed").wait_for()
    assert "draft" not in walk.cell(3, "status").inner_text()
    walk.press("Commit")
    walk.page.get_by_text("Done: 14 records written").wait_for()

    stored = {row[0]: row[1:] for row in seeded_desk.records("order", "order_no", "customer", "ordered_on", "status")}
    assert stored["SO-2002"] == ("BRAMBLE", "2026-02-03", "confirmed")
    assert stored["SO-2005"] == ("FOXGLOVE", "2026-07-02", "shipped")
    assert stored["SO-2006"] == ("NORTHGATE-YORK", "2026-07-02", "confirmed")
    assert stored["SO-2009"] == ("HONEYDEW", "2026-07-06", "draft")
    assert "SO-2011" not in stored, "the row left out"

    walk.page.get_by_text("See each change").click()
    walk.page.get_by_text("Batch 2").wait_for()
    assert (walk.errors, walk.elsewhere) == ([], [])


def test_nothing_in_a_file_becomes_markup_or_asks_another_host(walk: Any, seeded_desk: Any) -> None:
    evil = '![x](http://evil.example/a.png)<img src="http://evil.example/b.png" onerror="document.title=1">'
    cell = evil.replace('"', '""')
    text = f'code,name,"{cell}"\n"{cell}","{cell}",1\nACME,Acme,2\nACME,"{cell}",3\n'
    file = seeded_desk.file("a![x](http:evil.example).csv", text, "organization")
    batch = seeded_desk.service.open_batch([file]).id
    seeded_desk.service.edit(batch, 1, [(2, "name", evil + "!")])
    for view in ("files", "check", "plan"):
        walk.go(f"/import?batch={batch}&view={view}")
        if view == "check":
            walk.cell(2, "code").click()
            walk.page.get_by_text("value.pattern").wait_for()
    assert walk.page.locator("img[src*=evil]").count() == 0
    assert (walk.errors, walk.elsewhere) == ([], [])


def test_the_grid_is_worked_by_keyboard(walk: Any, seeded_desk: Any) -> None:
    text = "code,name,country\nA-1,One,gb\nA-2,Two,GB\nA-3,Three,gb\nA-4,Four,GB\n"
    batch = seeded_desk.open(organization=text)
    walk.go(f"/import?batch={batch}&view=check")
    keys = walk.page.keyboard

    def edits() -> list[Any]:
        return [step.payload.get("cells") for step in seeded_desk.service.batch(batch).steps if step.kind == "edit"]

    walk.cell(2, "code").click()
    keys.press("Alt+ArrowDown")
    keys.press("Alt+ArrowDown")
    walk.page.get_by_text("Row 4 · country").wait_for()
    keys.press("F2")
    keys.press("Escape")
    assert edits() == [], "Escape leaves the cell as it was"
    keys.type("GB")
    keys.press("Enter")
    walk.page.get_by_text("Steps · 1").wait_for()
    walk.settle()
    assert edits() == [[{"row": 4, "slot": "country", "text": "GB"}]]

    walk.cell(2, "name").click()
    walk.page.evaluate(
        """() => {
            const grid = [...document.querySelectorAll("*")].find(item => item.shadowRoot?.querySelector(".grid"));
            const data = new DataTransfer();
            data.setData("text/plain", "Uno\\tGB\\nDos\\tES\\n");
            const cell = grid.shadowRoot.querySelector(".active");
            cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    walk.page.get_by_text("Steps · 2").wait_for()
    walk.settle()
    pasted = [(cell["row"], cell["slot"], cell["text"]) for cell in edits()[1]]
    assert pasted == [(2, "name", "Uno"), (2, "country", "GB"), (3, "name", "Dos"), (3, "country", "ES")]

    walk.cell(3, "name").click()
    keys.press("Control+z")
    walk.page.get_by_role("button", name="Put back").first.wait_for()
    walk.settle()
    assert [step.kind for step in seeded_desk.service.batch(batch).steps] == ["edit", "edit", "undo"]
    assert walk.cell(3, "name").inner_text() == "Two"
    assert walk.errors == []


def _expected(file: Any) -> list[tuple[int, str]]:
    """The cells the sample's answer calls wrong; a row's issue without a field stands at its number."""
    said = json.loads(file.read_text(encoding="utf-8"))
    issues = said["issues"]
    return sorted({(row, field or "") for row, field, code in issues if row and not code.startswith("column.")})


def _mail_of(name: str, file: Any) -> str:
    with file.open(encoding="utf-8", newline="") as source:
        return next(row["email"] for row in csv.DictReader(source) if row["name"] == name)
