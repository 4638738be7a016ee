"""Every page is right when opened first and alone: without a database, empty, and seeded."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.model import ImportOptions

Open = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]
PAGES = ("home", "import", "history")
MESSY = "code,name,country\nACME,Acme,Gb\nBETA,Beta,GB\nHONEYDEW,Honeydew Ltd,GB\n"


def _texts(page: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "text", "info", "success", "warning", "error", "code")
    return "\n".join(str(item.value) for kind in kinds for item in getattr(page, kind))


def _button(page: AppTest, label: str) -> Any:
    return next(button for button in page.button if button.label == label)


def _commit(page: AppTest) -> None:
    """The button is pressed, and the page drawn until the work is done."""
    _button(page, "Commit").click().run()
    for _ in range(30):
        if "Writing to the database" not in _texts(page):
            break
        page.run()
    assert not page.exception


@pytest.mark.parametrize("name", PAGES)
def test_without_a_database_a_page_says_what_to_run(open_page: Open, name: str) -> None:
    page = open_page(name)
    assert "python -m engine init --sample" in [item.value for item in page.code]


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_database_is_met_kindly(empty_desk: Any, open_page: Open, name: str) -> None:
    page = open_page(name)
    assert not page.error
    assert [item.value for item in page.title] == {"home": ["Portage"], "import": ["Import"], "history": ["History"]}[
        name
    ]


def test_home_shows_what_is_in_the_database_and_the_recent_batches(seeded_desk: Any, open_page: Open) -> None:
    page = open_page("home")
    assert [(item.label, item.value) for item in page.metric] == [
        ("Organization", "24"),
        ("Person", "32"),
        ("Product", "41"),
        ("Order", "40"),
        ("Order line", "97"),
    ]
    assert "234 records written" in _texts(page)


def test_the_app_opens_on_home(seeded_desk: Any, at_home: None) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert not page.exception
    assert [item.value for item in page.title] == ["Portage"]


def test_a_batch_that_is_not_there_is_told_in_a_sentence(seeded_desk: Any, open_page: Open) -> None:
    for name in ("import", "history"):
        assert "There is no batch" in _texts(open_page(name, batch="nosuch"))


def test_an_open_batch_shows_its_files_at_its_address(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization=MESSY)
    page = open_page("import", batch=batch)
    assert "organization.csv" in [item.value for item in page.text]
    assert page.selectbox(key=f"entity:{batch}:1:0").value == "organization"


def test_the_entity_of_a_file_can_be_changed(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization=MESSY)
    page = open_page("import", batch=batch, view="files")
    page.selectbox(key=f"entity:{batch}:1:0").select("person").run()
    assert not page.exception
    (step,) = seeded_desk.service.batch(batch).steps
    assert (step.kind, step.payload["entity"], step.user) == ("map", "person", "tester")


def test_a_batch_can_be_discarded(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization=MESSY)
    page = open_page("import", batch=batch)
    _button(page, "Discard the batch").click().run()
    assert seeded_desk.service.batch(batch).status == "discarded"
    assert "nothing of it was written" in _texts(page)


def test_the_check_view_counts_what_is_wrong(seeded_desk: Any, open_page: Open) -> None:
    page = open_page("import", batch=seeded_desk.open(organization=MESSY), view="check")
    assert "**1 error** to mend" in _texts(page)
    assert page.selectbox[0].options == ["organization.csv – 1 error"]
    assert not _button(page, "Read the plan").disabled


def test_where_checking_is_slow_edits_are_gathered_until_somebody_says_so(
    seeded_desk: Any, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.components.desk.SLOW", 0.0)
    batch = seeded_desk.open(organization=MESSY)
    page = open_page("import", batch=batch, view="check")
    seeded_desk.service.edit(batch, 1, [(2, "country", "GB")])
    page.run()
    assert "**1 error** to mend" in _texts(page)
    _button(page, "Check 1 edit").click().run()
    assert "**Nothing is wrong.**" in _texts(page)
    seeded_desk.service.edit(batch, 1, [(2, "country", "Gb")])
    _button(page, "Read the plan").click().run()
    assert "1 row refused" in _texts(page), "a plan is never of rows as they were"


def test_a_step_can_be_taken_out_and_put_back(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization=MESSY)
    seeded_desk.service.edit(batch, 1, [(2, "country", "GB")])
    page = open_page("import", batch=batch, view="check")
    assert "**Nothing is wrong.**" in _texts(page)
    page.button(key="undo-last").click().run()
    assert "**1 error** to mend" in _texts(page)
    page.button(key="step-of:1").click().run()
    assert "**Nothing is wrong.**" in _texts(page)


def test_a_commit_waits_until_nothing_is_wrong(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization=MESSY)
    page = open_page("import", batch=batch, view="plan")
    assert _button(page, "Commit").disabled
    assert "1 row refused" in _texts(page)
    seeded_desk.service.edit(batch, 1, [(2, "country", "GB")])
    page.run()
    assert not _button(page, "Commit").disabled
    assert "**2 records will be added and 1 record changed**" in _texts(page)


def test_a_commit_is_carried_out_and_its_result_stays_at_the_address(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization="code,name\nNEW-1,New one\n")
    page = open_page("import", batch=batch, view="plan")
    _commit(page)
    assert seeded_desk.service.batch(batch).status == "committed"
    assert ("NEW-1", "New one") in seeded_desk.records("organization", "code", "name")
    assert "Done: 1 record written" in _texts(open_page("import", batch=batch))


def test_a_commit_asked_for_twice_is_made_once(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization="code,name\nNEW-1,New one\n")
    first, second = (open_page("import", batch=batch, view="plan") for _ in range(2))
    _commit(first)
    _commit(second)
    assert seeded_desk.ledger_count("portage_result") == 2, "the sample's, and this one"
    assert "Done: 1 record written" in _texts(second)


def test_a_plan_the_database_moved_away_from_is_not_carried_out(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization="code,name\nHONEYDEW,Honeydew Ltd\n")
    page = open_page("import", batch=batch, view="plan")
    seeded_desk.write("UPDATE organization SET name = 'Someone else wrote' WHERE code = 'HONEYDEW'")
    _commit(page)
    assert "The database changed since you read this plan" in _texts(page)
    assert seeded_desk.service.batch(batch).status == "open"
    assert ("HONEYDEW", "Someone else wrote") in seeded_desk.records("organization", "code", "name")


def test_rows_to_decide_can_be_decided_all_at_once(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(ImportOptions(policy="ask"), organization="code,name\nHONEYDEW,Honeydew Ltd\n")
    page = open_page("import", batch=batch, view="plan")
    assert _button(page, "Commit").disabled
    page.button(key="all:version").click().run()
    assert not _button(page, "Commit").disabled
    (step,) = seeded_desk.service.batch(batch).steps
    assert (step.kind, step.payload) == ("decide", {"source": 1, "rows": [2], "policy": "version"})


def test_the_policy_of_an_entity_can_be_chosen(seeded_desk: Any, open_page: Open) -> None:
    batch = seeded_desk.open(organization="code,name\nHONEYDEW,Honeydew Ltd\n")
    page = open_page("import", batch=batch, view="plan")
    page.selectbox(key=f"policy:{batch}:organization:0").select("skip").run()
    assert "**0 records will be added and 0 records changed**" in _texts(page)


def test_history_shows_a_batch_with_its_changes(seeded_desk: Any, open_page: Open) -> None:
    done = seeded_desk.load(organization="code,name\nHONEYDEW,Honeydew Ltd\n")
    page = open_page("history", batch=done.batch)
    changes = page.dataframe[1].value
    assert changes[["Record", "What", "Field", "After", "From"]].values.tolist() == [
        ["HONEYDEW", "changed", "name", "Honeydew Ltd", "organization.csv row 2"]
    ]


def test_history_tells_the_past_of_one_record(seeded_desk: Any, open_page: Open) -> None:
    seeded_desk.load(organization="code,name\nHONEYDEW,Honeydew Ltd\n")
    page = open_page("history")
    page.text_input(key="lineage-key").input("HONEYDEW").run()
    (changes,) = [item.value for item in page.dataframe]
    assert changes[["What", "Field", "After"]].values.tolist()[-1] == ["changed", "name", "Honeydew Ltd"]
    page.text_input(key="lineage-key").input("NOSUCH").run()
    assert "There is no organization with the key" in _texts(page)


def test_texts_of_files_are_never_markdown(seeded_desk: Any, open_page: Open) -> None:
    evil = "![x](http://evil.example/x.png)"
    name = "a![x](http:evil.example).csv"
    file = seeded_desk.file(name, f'code,name,"{evil}"\n"{evil}","{evil}",1\n', "organization")
    batch = seeded_desk.service.open_batch([file]).id
    seeded_desk.service.edit(batch, 1, [(2, "name", evil)])
    seeded_desk.service.edit(batch, 1, [(2, "code", evil)])
    for view in ("files", "check", "plan"):
        page = open_page("import", batch=batch, view=view)
        kinds = ("title", "subheader", "markdown", "caption", "info", "success", "warning", "error")
        told = [str(item.value) for kind in kinds for item in getattr(page, kind)]
        labels = [str(item.label) for kind in ("button", "selectbox", "metric") for item in getattr(page, kind)]
        assert not [text for text in told + labels if "![x](" in text]


def test_a_page_is_layout_only() -> None:
    for page in (ROOT / "pages").glob("*.py"):
        tree = ast.parse(page.read_text(encoding="utf-8"))
        assert len(page.read_text(encoding="utf-8").splitlines()) < 120
        assert any(isinstance(node, ast.With) and "opened(" in ast.unparse(node.items[0]) for node in tree.body), (
            page.name
        )


def test_one_module_names_the_session_state() -> None:
    naming = {
        file.name
        for file in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]
        if "session_state" in file.read_text(encoding="utf-8") or "query_params." in file.read_text(encoding="utf-8")
    }
    assert naming == {"state.py"}
