"""What you previewed is what is committed: where the database moved meanwhile, nothing is written."""

from __future__ import annotations

import pytest

from engine.errors import RefusedError, StalePlanError
from engine.model import Counts, ImportOptions

STORED = "code,name,country\nACME,Acme,GB\nBOLT,Bolt,IE\nCOIL,Coil,FR\n"
INCOMING = "code,name,country\nACME,Acme Ltd,GB\nBOLT,Bolt,IE\nNEW,New,DE\n"


@pytest.fixture
def batch(desk):
    desk.load(organization=STORED)
    return desk.open(organization=INCOMING)


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE organization SET name = 'Somebody else' WHERE code = 'ACME'",
        "UPDATE organization SET name = 'Acme Ltd' WHERE code = 'ACME'",
        "UPDATE organization SET name = 'Bolt plc' WHERE code = 'BOLT'",
        "DELETE FROM organization WHERE code = 'ACME'",
        "DELETE FROM organization WHERE code = 'BOLT'",
        "DELETE FROM organization",
        "INSERT INTO organization (code, name) VALUES ('NEW', 'Old after all')",
        "UPDATE organization SET code = 'NEW' WHERE code = 'COIL'",
    ],
)
def test_a_plan_that_no_longer_holds_is_refused_and_nothing_is_written(desk, batch, meanwhile):
    digest = desk.service.check(batch).digest
    desk.write(meanwhile)
    before = desk.state()
    with pytest.raises(StalePlanError, match="nothing was written"):
        desk.service.commit(batch, digest)
    assert desk.state() == before
    assert desk.service.batch(batch).status == "open"


def test_after_a_stale_plan_the_new_one_is_read_and_committed(desk, batch):
    digest = desk.service.check(batch).digest
    desk.write("DELETE FROM organization WHERE code = 'BOLT'")
    with pytest.raises(StalePlanError):
        desk.service.commit(batch, digest)
    again = desk.service.check(batch, again=True)
    assert again.counts == {"organization": Counts(3, insert=2, update=1)}
    assert desk.service.commit(batch, again.digest).entities == again.counts


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE organization SET website = 'https://x.example' WHERE code = 'ACME'",
        "UPDATE organization SET name = 'Coil SA' WHERE code = 'COIL'",
        "INSERT INTO organization (code, name) VALUES ('OTHER', 'Other')",
    ],
)
def test_what_the_plan_does_not_touch_may_change(desk, batch, meanwhile):
    digest = desk.service.check(batch).digest
    desk.write(meanwhile)
    done = desk.service.commit(batch, digest)
    assert (done.status, done.plan) == ("committed", digest)


def test_a_step_after_the_plan_was_read_makes_it_stale(desk, batch):
    digest = desk.service.check(batch).digest
    desk.again().edit(batch, 1, [(4, "name", "Newer")])
    with pytest.raises(StalePlanError, match="batch changed since"):
        desk.service.commit(batch, digest)


def test_a_commit_without_a_digest_is_held_to_the_plan_that_was_kept(desk, batch):
    desk.service.check(batch)
    desk.write("DELETE FROM organization WHERE code = 'BOLT'")
    with pytest.raises(StalePlanError):
        desk.service.commit(batch)


def test_a_referenced_record_deleted_meanwhile_refuses_the_rows(desk):
    desk.load(organization="code,name\nACME,Acme\n")
    batch = desk.open(person="email,name,organization\na@x.example,A,ACME\n")
    digest = desk.service.check(batch).digest
    desk.write("DELETE FROM organization")
    before = desk.state()
    with pytest.raises(RefusedError, match="nothing was written"):
        desk.service.commit(batch, digest)
    assert desk.state() == before


def test_a_unique_value_taken_meanwhile_refuses_the_rows(shapes_desk):
    batch = shapes_desk.open(depot="code,door\nA,north\n")
    digest = shapes_desk.service.check(batch).digest
    shapes_desk.write("INSERT INTO depot (code, door) VALUES ('B', 'north')")
    with pytest.raises(RefusedError, match="nothing was written"):
        shapes_desk.service.commit(batch, digest)
    assert shapes_desk.records("depot", "code") == [("B",)]


def test_the_same_batch_on_the_same_database_has_the_same_plan(desk, batch):
    digests = {desk.service.check(batch, again=True).digest for _ in range(3)}
    digests.add(desk.again().check(batch, again=True).digest)
    digests.add(desk.service.check(desk.open(organization=INCOMING)).digest)
    assert len(digests) == 1


def test_another_policy_or_text_is_another_plan(desk, batch):
    digests = [desk.service.check(batch).digest]
    for options, text in (
        (ImportOptions(policy="version"), INCOMING),
        (ImportOptions(policy="skip"), INCOMING),
        (ImportOptions(), INCOMING.replace("Acme Ltd", "Acme plc")),
        (ImportOptions(), INCOMING.replace("New,DE", "New,AT")),
        (ImportOptions(), INCOMING.replace("NEW,New,DE\n", "")),
    ):
        digests.append(desk.service.check(desk.open(options, organization=text)).digest)
    assert len(set(digests)) == len(digests)


def test_a_batch_committed_by_somebody_else_meanwhile_is_written_once(desk, batch, monkeypatch):
    digest = desk.service.check(batch).digest
    other = desk.again()
    assert other.commit(batch, digest).status == "committed"
    state = desk.state()
    stale = desk.again()
    opened = stale.batch
    monkeypatch.setattr(type(stale), "batch", lambda self, id: _still_open(opened(id)))
    with pytest.raises((RefusedError, StalePlanError)):
        stale.commit(batch, digest)
    assert desk.state() == state


def _still_open(batch):
    from dataclasses import replace

    return replace(batch, status="open")
