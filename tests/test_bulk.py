"""Many new records into an empty table: indexes and constraints are laid aside, and stand again before the commit."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine import commit
from engine.catalog.schema import fingerprint
from engine.errors import RefusedError
from engine.model import Counts, ImportOptions

TEXTS = {
    "organization": "code,name,parent\nACME,Acme,BOLT\nBOLT,Bolt,\n",
    "person": "email,name,organization,manager\na@x.example,A,ACME,b@x.example\nb@x.example,B,BOLT,\n",
}


@pytest.fixture(params=[False, True], ids=["constraints kept", "constraints rebuilt"])
def options(request, monkeypatch):
    monkeypatch.setattr(commit, "BULK", 1)
    return ImportOptions(rebuild_constraints=request.param)


def built(desk):
    """Everything the tables are, and their indexes."""
    with desk.service.database.connect() as connection:
        inspector = sa.inspect(connection)
        indexes = {
            entity.table: sorted(
                (index["name"], tuple(index["column_names"])) for index in inspector.get_indexes(entity.table)
            )
            for entity in desk.service.catalog.entities
        }
        return fingerprint(connection, desk.service.catalog), indexes


def test_a_bulk_import_leaves_the_tables_as_they_were(desk, options):
    desk.write("CREATE INDEX own_index ON person (name)")
    desk.write("CREATE INDEX part_index ON person (manager_id) WHERE manager_id IS NOT NULL")
    before = built(desk)
    done = desk.run(options, **TEXTS)
    assert (done.status, done.entities) == (
        "committed", {"organization": Counts(2, insert=2), "person": Counts(2, insert=2)},
    )  # fmt: skip
    assert built(desk) == before
    assert desk.records("person", "email", "organization", "manager") == [
        ("a@x.example", "ACME", "b@x.example"),
        ("b@x.example", "BOLT", None),
    ]
    with pytest.raises(sa.exc.IntegrityError):
        desk.write("UPDATE person SET organization_id = 404")


def test_a_bulk_import_that_fails_leaves_the_tables_as_they_were(desk, options):
    desk.write("CREATE INDEX own_index ON person (name)")
    desk.write("CREATE UNIQUE INDEX only_one_name ON person (organization_id)")
    before = built(desk), desk.state()
    with pytest.raises(RefusedError, match="nothing was written"):
        desk.run(options, **{**TEXTS, "person": TEXTS["person"].replace("BOLT", "ACME")})
    assert (built(desk), desk.state()) == before


def test_ids_given_in_bulk_are_never_given_again(desk, options):
    desk.run(options, **TEXTS)
    desk.write("DELETE FROM person")
    desk.write("INSERT INTO organization (code, name) VALUES ('HAND', 'By hand')")
    desk.load(organization="code,name\nNEW,New\n", person="email,name,organization\nc@x.example,C,NEW\n")
    organizations = desk.read("SELECT id, code FROM organization ORDER BY id")
    assert [code for _, code in organizations] == ["ACME", "BOLT", "HAND", "NEW"]
    assert len({record for entity, record, action, *_ in desk.changes() if entity == "person"}) == 3
