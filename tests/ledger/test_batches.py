"""Batches in the ledger: steps are only added, each with a number of its own, and results are read back as written."""

from __future__ import annotations

import threading

import pytest

from engine.database import writing
from engine.errors import RefusedError
from engine.ledger import batches as ledger


def test_steps_of_several_people_at_once_are_all_kept(desk):
    batch = desk.open(organization="code,name\nACME,Acme\n")
    failed = []

    def work(service):
        try:
            for number in range(15):
                service.edit(batch, 1, [(2, "name", f"Name {number}")])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(desk.again(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [step.number for step in desk.service.batch(batch).steps] == list(range(1, 61))


def test_a_batch_is_read_back_as_it_was_made(desk):
    made = desk.service.open_batch(desk.files(organization="code,name\nACME,Åcme\n", person="email\na@x.example\n"))
    assert desk.again().batch(made.id) == made


def test_a_result_is_read_back_as_it_was_written(desk):
    done = desk.load(organization="code,name\nACME,Acme\nACME,Acme\n")
    again = desk.again().commit(done.batch)
    assert (again.entities, again.issues, again.plan) == (done.entities, done.issues, done.plan)


def test_a_batch_closes_once(desk):
    batch = desk.service.batch(desk.open(organization="code,name\nACME,Acme\n"))
    with writing(desk.service.database) as connection:
        assert ledger.close_batch(connection, batch, "discarded")
        assert not ledger.close_batch(connection, batch, "committed")
    with pytest.raises(RefusedError, match="is discarded"):
        desk.service.edit(batch.id, 1, [(2, "name", "Other")])


def test_the_batch_that_brought_a_file_before_is_found(desk):
    text = "code,name\nACME,Acme\n"
    first = desk.load(organization=text)
    sha256 = desk.service.batch(first.batch).sources[0].sha256
    desk.open(organization=text)
    with desk.service.database.connect() as connection:
        found = ledger.find_sha256(connection, sha256)
        assert (found.id, ledger.find_sha256(connection, "0" * 64)) == (first.batch, None)
