"""Imports made at one time: nobody waits for ever, nothing is lost, and nobody gets somebody else's record."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.errors import StalePlanError
from engine.model import Counts
from engine.service import ImportExportService
from engine.settings import Settings

SAMPLE = Path(__file__).parents[1] / "sample_data"

ORGANIZATION = "code,name\nACME,Acme\n"
PERSON = "email,name,organization\na@x.example,A,ACME\n"


def meanwhile(*acts):
    """A progress that does each act once, when the import has been checked and not yet compared."""
    waiting = list(acts)

    def progress(stage, done, total):
        if stage == "Comparing":
            while waiting:
                waiting.pop()()

    return progress


def test_a_record_that_appears_while_its_row_is_checked_is_never_confused_with_another(desk):
    desk.load(organization="code,name\nOTHER,Other\n")
    appear = meanwhile(lambda: desk.write("INSERT INTO organization (code, name) VALUES ('ACME', 'Acme')"))
    files = desk.files(organization=ORGANIZATION, person=PERSON)
    with pytest.raises(StalePlanError, match="nothing was written"):
        desk.service.run_import(files, progress=appear)
    assert desk.records("person", "email") == []
    assert desk.service.run_import(files).entities == {
        "organization": Counts(1, unchanged=1),
        "person": Counts(1, insert=1),
    }
    assert desk.records("person", "email", "organization") == [("a@x.example", "ACME")]


def test_the_same_holds_where_other_rows_are_new_and_for_late_references(circle_desk):
    circle_desk.load(employee="badge,team\n1,RED\n", team="code\nRED\n")
    appear = meanwhile(
        lambda: circle_desk.write(
            "INSERT INTO employee (badge, team_id) VALUES ('7', (SELECT id FROM team WHERE code = 'RED'))"
        )
    )
    files = circle_desk.files(employee="badge,team\n7,RED\n8,RED\n", team="code,lead\nRED,7\n")
    with pytest.raises(StalePlanError, match="nothing was written"):
        circle_desk.service.run_import(files, progress=appear)
    assert circle_desk.records("team", "code", "lead") == [("RED", None)]


def test_a_record_changed_while_its_row_is_checked_is_compared_as_it_is_then(desk):
    desk.load(organization=ORGANIZATION)
    change = meanwhile(lambda: desk.write("UPDATE organization SET name = 'Somebody else'"))
    done = desk.service.run_import(desk.files(organization="code,name\nACME,Acme Ltd\n"), progress=change)
    assert done.entities == {"organization": Counts(1, update=1)}
    assert desk.changes()[-1][2:6] == ("update", "name", "Somebody else", "Acme Ltd")


def test_imports_at_one_time_take_turns_and_all_their_rows_are_there_once(desk):
    failed = []

    def work(number):
        try:
            service = desk.again()
            for turn in range(4):
                rows = "".join(f"P{number}-{turn}-{row},Own\n" for row in range(5))
                files = desk.files(organization=f"code,name\nSHARED,From {number}\n{rows}")
                while True:
                    try:
                        assert service.run_import(files).status == "committed"
                        break
                    except StalePlanError:
                        continue
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert desk.service.record_counts()["organization"] == 1 + 4 * 4 * 5
    assert desk.ledger_count("portage_result") == 16
    inserted = [line for line in desk.changes() if line[2] == "insert"]
    assert len({record for _, record, *_ in inserted}) == len(inserted) == 81


def test_a_database_set_up_by_several_at_one_time_is_set_up_once(database_url, home):
    settings = Settings(home, database_url, str(home / "storage"), SAMPLE / "catalog.toml", "tester")
    services = [ImportExportService(settings) for _ in range(4)]
    made, failed = [], []

    def work(service):
        try:
            made.append(service.init())
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, sorted(len(tables) for tables in made)) == ([], [0, 0, 0, 5])
    assert services[0].record_counts() == dict.fromkeys(services[0].record_counts(), 0)
    for service in services:
        service.database.dispose()
