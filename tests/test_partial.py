"""A partial commit writes the largest set of rows whose references are good too; the rest is an open batch."""

from __future__ import annotations

from engine.model import Counts, ImportOptions

PARTIAL = ImportOptions(partial=True)
FILES = {
    "organization": "code,name,country\nACME,Acme,GB\nBOLT,Bolt,Ireland\nCOIL,Coil,FR\n",
    "person": "email,name,organization\nada@x.example,Ada,ACME\nbob@x.example,Bob,BOLT\ncy@x.example,Cy,DOOM\n",
}


def test_the_good_rows_are_committed_and_the_refused_ones_are_an_open_batch(desk):
    done = desk.run(PARTIAL, **FILES)
    assert (done.status, done.entities) == (
        "committed",
        {"organization": Counts(3, insert=2, reject=1), "person": Counts(3, insert=1, reject=2)},
    )
    assert desk.records("organization", "code") == [("ACME",), ("COIL",)]
    assert desk.records("person", "email", "organization") == [("ada@x.example", "ACME")]

    rest = desk.service.batch(done.remainder)
    assert (rest.status, rest.parent, [(s.name, s.entity, s.rows) for s in rest.sources]) == (
        "open", done.batch, [("organization.csv", "organization", 1), ("person.csv", "person", 2)],
    )  # fmt: skip
    assert desk.service.check(rest.id).counts == {
        "organization": Counts(1, reject=1), "person": Counts(2, reject=2),
    }  # fmt: skip
    assert desk.problems(rest.id) == [
        (3, "country", "value.length"),
        (3, "country", "value.pattern"),
        (3, "organization", "reference.rejected"),
        (4, "organization", "reference.missing"),
    ]


def test_the_refused_rows_can_be_mended_and_committed(desk):
    done = desk.run(PARTIAL, **FILES)
    desk.service.edit(done.remainder, 1, [(3, "country", "IE")])
    desk.service.edit(done.remainder, 2, [(4, "organization", "COIL")])
    after = desk.service.commit(done.remainder)
    assert (after.status, after.remainder, after.entities) == (
        "committed", None, {"organization": Counts(1, insert=1), "person": Counts(2, insert=2)},
    )  # fmt: skip
    assert desk.records("person", "email", "organization") == [
        ("ada@x.example", "ACME"), ("bob@x.example", "BOLT"), ("cy@x.example", "COIL"),
    ]  # fmt: skip
    rows = [(entity, source, row) for entity, _, action, *_, source, row in desk.changes() if action == "insert"]
    assert rows == [
        ("organization", 1, 2), ("organization", 1, 4), ("person", 2, 2),
        ("organization", 1, 3), ("person", 2, 3), ("person", 2, 4),
    ]  # fmt: skip


def test_a_remainder_may_be_committed_in_parts_again(desk):
    done = desk.run(PARTIAL, **FILES)
    desk.service.edit(done.remainder, 1, [(3, "country", "IE")])
    second = desk.service.commit(done.remainder, partial=True)
    assert second.entities == {"organization": Counts(1, insert=1), "person": Counts(2, insert=1, reject=1)}
    assert [s.rows for s in desk.service.batch(second.remainder).sources] == [0, 1]


def test_rows_the_policy_asks_about_are_left_too(desk):
    desk.load(organization="code,name\nACME,Acme\n")
    done = desk.run(ImportOptions(partial=True, policy="ask"), organization="code,name\nACME,Other\nNEW,New\n")
    assert done.entities == {"organization": Counts(2, insert=1, reject=1)}
    desk.service.decide(done.remainder, 1, [2], "update")
    assert desk.service.commit(done.remainder).entities == {"organization": Counts(1, update=1)}


def test_a_whole_batch_leaves_no_remainder(desk):
    done = desk.run(PARTIAL, organization="code,name\nACME,Acme\n")
    assert (done.status, done.remainder) == ("committed", None)


def test_steps_come_along_to_the_remainder(desk):
    batch = desk.open(organization="code,name,country\nACME,Acme,GB\nBOLT,Bolt,Ireland\nCOIL,Coil,France\n")
    desk.service.edit(batch, 1, [(3, "country", "IRL")])
    desk.service.exclude(batch, 1, [4])
    done = desk.service.commit(batch, partial=True)
    assert done.entities == {"organization": Counts(3, insert=1, skip=1, reject=1)}
    assert [i.value for i in desk.issues(done.remainder)] == ["IRL", "IRL"]
    assert desk.service.batch(done.remainder).sources[0].rows == 1


def test_reading_issues_of_committed_rows_do_not_come_along(desk):
    text = "code,name,country,website\nACME,Acme,GB,,extra\nBOLT,Bolt,Ireland,\nCOIL,Coil,FR,\n"
    batch = desk.open(organization=text)
    desk.service.edit(batch, 1, [(2, "name", "Acme")])
    done = desk.service.commit(batch, partial=True)
    assert done.entities == {"organization": Counts(3, insert=2, reject=1)}
    assert desk.problems(done.remainder) == [(3, "country", "value.length"), (3, "country", "value.pattern")]


def test_a_circle_is_not_committed_because_the_row_that_would_open_it_was_refused(desk):
    desk.load(organization="code,name,parent\nA,A,\nB,B,A\n")
    done = desk.run(PARTIAL, organization="code,name,country,parent\nA,A,,B\nB,B,,C\nC,C,Nowhere,\n")
    assert done.entities == {"organization": Counts(3, reject=3)}
    assert desk.records("organization", "code", "parent") == [("A", None), ("B", "A")]
