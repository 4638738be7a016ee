"""What happened: batches and their results, every change of a record with the cell it came from, its versions."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.model import Counts, ImportOptions

FIRST = "Code,Company,country\nACME,Acme Tools,GB\nBOLT,Bolt,\n"
SECOND = "code,name,country\nBOLT,Bolt & Sons,IE\nACME,Acme Tools Ltd,\n"


def told(changes):
    return [(c.action, c.field, c.before, c.after, c.commit.batch) for c in changes]


def origins(changes):
    return [(o.file, o.row_number, o.columns, o.raw) for o in (change.origin for change in changes)]


def test_the_history_has_the_newest_batch_first(desk):
    first = desk.load(organization=FIRST)
    refused = desk.run(organization="code,name\nCOIL,\n")
    entries = desk.service.history()
    assert [(e.batch.id, e.batch.status, e.committed_by) for e in entries] == [
        (refused.batch, "open", None),
        (first.batch, "committed", "tester"),
    ]
    assert entries[0].result is None
    assert entries[1].result.entities == {"organization": Counts(2, insert=2)}
    assert [entry.batch.id for entry in desk.service.history(limit=1)] == [refused.batch]


def test_one_batch_is_told_with_its_sources_steps_and_result(desk):
    batch = desk.open(organization=FIRST)
    desk.service.edit(batch, 1, [(3, "country", "IE")])
    desk.service.commit(batch)
    entry = desk.service.history_of(batch)
    (source,) = entry.batch.sources
    assert (source.name, source.entity, source.rows, len(source.sha256)) == ("organization.csv", "organization", 2, 64)
    assert [(step.kind, step.user) for step in entry.batch.steps] == [("edit", "tester")]
    assert entry.result.entities == {"organization": Counts(2, insert=2)}


def test_an_unknown_batch_is_refused(desk):
    with pytest.raises(UsageError, match="There is no batch 'nope'"):
        desk.service.history_of("nope")


def test_every_change_of_a_record_is_told_with_the_cell_it_came_from(desk):
    first = desk.load(organization=FIRST)
    second = desk.load(organization=SECOND)
    changes = desk.service.lineage("organization", "BOLT")
    assert told(changes) == [
        ("insert", "code", None, "BOLT", first.batch),
        ("insert", "name", None, "Bolt", first.batch),
        ("insert", "country", None, None, first.batch),
        ("insert", "website", None, None, first.batch),
        ("insert", "aliases", None, None, first.batch),
        ("insert", "parent", None, None, first.batch),
        ("update", "name", "Bolt", "Bolt & Sons", second.batch),
        ("update", "country", None, "IE", second.batch),
    ]
    assert origins(changes) == [
        ("organization.csv", 3, ("Code",), "BOLT"),
        ("organization.csv", 3, ("Company",), "Bolt"),
        ("organization.csv", 3, ("country",), ""),
        ("organization.csv", 3, (), None),
        ("organization.csv", 3, (), None),
        ("organization.csv", 3, (), None),
        ("organization.csv", 2, ("name",), "Bolt & Sons"),
        ("organization.csv", 2, ("country",), "IE"),
    ]
    assert {(c.commit.user, c.commit.at) for c in changes} == {("tester", "2026-03-31T12:00:00.000+00:00")}


def test_one_field_is_told_alone(desk):
    desk.load(organization=FIRST)
    desk.load(organization=SECOND)
    changes = desk.service.lineage("organization", "ACME", "name")
    assert [(c.action, c.before, c.after) for c in changes] == [
        ("insert", None, "Acme Tools"),
        ("update", "Acme Tools", "Acme Tools Ltd"),
    ]


def test_an_edit_is_told_beside_the_text_of_the_file(desk):
    batch = desk.open(organization="code,name\nACME,Acmee\nBOLT,Bolt\n")
    desk.service.edit(batch, 1, [(2, "name", "Acme!")])
    desk.service.edit(batch, 1, [(2, "name", "Acme")])
    desk.service.edit(batch, 1, [(3, "name", "Never")])
    desk.service.undo_step(batch)
    desk.service.commit(batch)
    (acme,) = desk.service.lineage("organization", "ACME", "name")
    (bolt,) = desk.service.lineage("organization", "BOLT", "name")
    assert (acme.after, acme.origin.raw, acme.origin.edit.text, acme.origin.edit.user) == (
        "Acme",
        "Acmee",
        "Acme",
        "tester",
    )
    assert (bolt.after, bolt.origin.raw, bolt.origin.edit) == ("Bolt", "Bolt", None)


def test_a_mapping_decided_by_hand_is_the_one_that_is_told(desk):
    batch = desk.open(organization="code,a,b\nACME,Acme,Tools\n")
    desk.service.map_source(batch, 1, "organization", {"code": "code", "b": "name"})
    desk.service.commit(batch)
    (change,) = desk.service.lineage("organization", "ACME", "name")
    assert (change.after, change.origin.columns, change.origin.raw) == ("Tools", ("b",), "Tools")


def test_a_reference_is_told_as_the_key_of_its_record(desk):
    desk.load(organization="code,name\nACME,Acme\nBOLT,Bolt\n")
    desk.load(organization="code,parent\nBOLT,Acme\n")
    inserted, changed = desk.service.lineage("organization", "BOLT", "parent")
    assert (inserted.action, inserted.after) == ("insert", None)
    assert (changed.before, changed.after, changed.origin.raw) == (None, "ACME", "Acme")


def test_the_rows_of_a_partial_commit_keep_their_numbers(desk):
    done = desk.run(ImportOptions(partial=True), organization="code,name\nACME,\nBOLT,Bolt\n")
    desk.service.edit(done.remainder, 1, [(2, "name", "Acme")])
    desk.service.commit(done.remainder)
    (change,) = desk.service.lineage("organization", "ACME", "name")
    assert (change.commit.batch, change.origin.row_number, change.origin.raw, change.origin.edit.text) == (
        done.remainder,
        2,
        "",
        "Acme",
    )


@pytest.mark.parametrize("key", ["SO-1002/2", "SO-1002 / 2"])
def test_a_composite_key_is_written_with_slashes(sample_desk, key):
    changes = sample_desk.service.lineage("order_line", key)
    assert [(c.field, c.after) for c in changes] == [
        ("order", "SO-1002"),
        ("line_no", "2"),
        ("product", "02003"),
        ("quantity", "4"),
        ("unit_price", "34.00"),
    ]


def test_records_without_an_integer_id_have_a_past_too(shapes_desk):
    shapes_desk.load(
        city="country,name,people\nGB,York,1\n",
        document="title\nOne\n",
        page="document,number,body\nOne,1,x\n",
        shipment="day,number\n2026-03-31,1\n",
        parcel="label,shipment.day,shipment.number\nP1,2026-03-31,1\n",
    )
    shapes_desk.load(city="country,name,people\nGB,York,2\n", page="document,number,body\nOne,1,y\n")
    lineage = shapes_desk.service.lineage
    assert [(c.action, c.before, c.after) for c in lineage("city", "GB/York", "people")] == [
        ("insert", None, "1"),
        ("update", "1", "2"),
    ]
    assert [(c.action, c.before, c.after) for c in lineage("page", "One/1", "body")] == [
        ("insert", None, "x"),
        ("update", "x", "y"),
    ]
    (shipment,) = lineage("parcel", "P1", "shipment")
    assert (shipment.after, shipment.origin.columns, shipment.origin.raw) == (
        "2026-03-31 / 1",
        ("shipment.day", "shipment.number"),
        "2026-03-31 / 1",
    )


def test_a_record_that_came_another_way_has_no_changes(desk):
    desk.write("INSERT INTO organization (code, name) VALUES ('OLD', 'Old')")
    assert desk.service.lineage("organization", "OLD") == []


def test_versions_are_the_earlier_states_in_their_order(desk):
    desk.load(organization="code,name\nACME,One\n")
    version = ImportOptions(policy="version")
    second = desk.run(version, organization="code,name,country\nACME,Two,GB\n")
    third = desk.run(version, organization="code,name\nACME,Three\n")
    found = desk.service.versions("organization", "ACME")
    none = {"website": None, "aliases": None, "parent": None}
    assert [(v.number, v.state, v.commit.batch, v.commit.user) for v in found] == [
        (1, {"code": "ACME", "name": "One", "country": None, **none}, second.batch, "tester"),
        (2, {"code": "ACME", "name": "Two", "country": "GB", **none}, third.batch, "tester"),
    ]
    assert list(found[0].state) == ["code", "name", "country", "website", "aliases", "parent"]


@pytest.mark.parametrize(
    ("entity", "key", "field", "sentence"),
    [
        (
            "invoice",
            "1",
            None,
            "The catalog has no entity 'invoice': it has organization, person, product, order, order_line.",
        ),
        ("organization", "NOPE", None, "There is no organization with the key 'NOPE': a key is written as CODE."),
        (
            "order_line",
            "SO-1001",
            None,
            "There is no order_line with the key 'SO-1001': a key is written as ORDER/LINE_NO.",
        ),
        (
            "organization",
            "x' OR '1'='1",
            None,
            "There is no organization with the key \"x' OR '1'='1\": a key is written as CODE.",
        ),
        (
            "product",
            "00417",
            "colour",
            "There is no field 'colour' in product: it has sku, name, category, unit_price, supplier, aliases.",
        ),
    ],
)
def test_what_nobody_knows_is_refused_in_a_sentence(sample_desk, entity, key, field, sentence):
    with pytest.raises(UsageError) as refused:
        sample_desk.service.lineage(entity, key, field)
    assert str(refused.value) == sentence


def test_the_past_is_told_even_when_the_staged_rows_are_gone(sqlite_empty_desk):
    done = sqlite_empty_desk.load(organization=FIRST)
    storage = sqlite_empty_desk.service.around.storage
    storage.remove(storage.path(done.batch))
    (change,) = sqlite_empty_desk.service.lineage("organization", "ACME", "name")
    assert (change.after, change.origin.file, change.origin.row_number, change.origin.raw) == (
        "Acme Tools",
        "organization.csv",
        2,
        None,
    )
