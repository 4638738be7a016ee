"""One import against what is stored already: which row ends in which action, and what stands in the database then."""

from __future__ import annotations

import json
from dataclasses import astuple

import pytest

from engine.errors import PortageError, RefusedError, UsageError
from engine.model import Counts, ImportOptions

TWO = "code,name,country\nACME,Acme Tools Ltd,GB\nBOLT,Bolt & Sons,IE\n"
CHANGED = "code,name,country\nACME,Acme Tools plc,GB\nBOLT,Bolt & Sons,IE\nCOIL,Coil Co,FR\n"


def organizations(desk):
    return desk.records("organization", "code", "name", "country")


@pytest.mark.parametrize(
    ("policy", "counts", "stored"),
    [
        ("update", Counts(3, insert=1, update=1, unchanged=1), "Acme Tools plc"),
        ("version", Counts(3, insert=1, version=1, unchanged=1), "Acme Tools plc"),
        ("skip", Counts(3, insert=1, skip=1, unchanged=1), "Acme Tools Ltd"),
    ],
)
def test_a_policy_settles_matches_that_differ(desk, policy, counts, stored):
    desk.load(organization=TWO)
    done = desk.run(ImportOptions(policy=policy), organization=CHANGED)
    assert (done.status, done.entities) == ("committed", {"organization": counts})
    assert organizations(desk) == [("ACME", stored, "GB"), ("BOLT", "Bolt & Sons", "IE"), ("COIL", "Coil Co", "FR")]


def test_the_policy_ask_refuses_until_each_row_is_decided(desk):
    desk.load(organization=TWO)
    batch = desk.open(ImportOptions(policy="ask"), organization=CHANGED.replace("Bolt & Sons", "Bolt"))
    asked = desk.service.commit(batch)
    assert (asked.status, desk.problems(batch)) == ("refused", [(2, None, "conflict.ask"), (3, None, "conflict.ask")])
    assert [issue.message for issue in desk.issues(batch)] == [
        "The stored record differs in name. Choose skip, update or version."
    ] * 2

    desk.service.decide(batch, 1, [2], "skip")
    desk.service.decide(batch, 1, [3], "version")
    assert desk.service.check(batch).counts == {"organization": Counts(3, insert=1, skip=1, version=1)}
    assert desk.service.commit(batch).status == "committed"
    assert organizations(desk) == [("ACME", "Acme Tools Ltd", "GB"), ("BOLT", "Bolt", "IE"), ("COIL", "Coil Co", "FR")]


def test_a_policy_chosen_for_one_entity_wins_over_the_batch_and_the_catalog(desk):
    desk.load(organization=TWO)
    batch = desk.open(ImportOptions(policy="update"), organization=CHANGED)
    desk.service.set_policy(batch, "organization", "skip")
    assert desk.service.check(batch).counts == {"organization": Counts(3, insert=1, skip=1, unchanged=1)}


def test_versions_are_numbered_whole_states(desk):
    desk.load(organization="code,name,country,aliases\nACME,One,GB,Uno; Un\n")
    for name in ("Two", "Three"):
        desk.run(ImportOptions(policy="version"), organization=f"code,name\nACME,{name}\n")
    ((id,),) = desk.read("SELECT id FROM organization")
    state = {"code": "ACME", "country": "GB", "website": None, "aliases": '["Uno","Un"]', "parent": None}
    assert [(entity, record, number) for entity, record, number, _ in desk.versions()] == [
        ("organization", id, 1),
        ("organization", id, 2),
    ]
    assert [json.loads(text) for *_, text in desk.versions()] == [{**state, "name": "One"}, {**state, "name": "Two"}]


def test_unchanged_rows_are_not_written(sample_desk):
    before = sample_desk.state()
    done = sample_desk.service.run_import(sample_desk.clean_files())
    assert {name: astuple(counts) for name, counts in done.entities.items()} == {
        "organization": (24, 0, 0, 0, 0, 24, 0),
        "person": (32, 0, 0, 0, 0, 32, 0),
        "product": (41, 0, 0, 0, 0, 41, 0),
        "order": (40, 0, 0, 0, 0, 40, 0),
        "order_line": (97, 0, 0, 0, 0, 97, 0),
    }
    assert sample_desk.state()[:3] == before[:3]


def test_blank_cells_and_absent_columns_leave_what_is_stored(desk):
    desk.load(organization="code,name,country,website\nACME,Acme,GB,https://acme.example\n")
    done = desk.run(organization="code,name,country\nACME,Acme Ltd,\n")
    assert done.entities == {"organization": Counts(1, update=1)}
    assert desk.records("organization", "code", "name", "country", "website") == [
        ("ACME", "Acme Ltd", "GB", "https://acme.example")
    ]


def test_a_null_token_clears_and_a_required_field_cannot_be_cleared(desk):
    desk.load(organization=TWO)
    options = ImportOptions(nulls=("NULL",))
    done = desk.run(options, organization="code,name,country\nACME,Acme Tools Ltd,NULL\nBOLT,Bolt & Sons,IE\n")
    assert done.entities == {"organization": Counts(2, update=1, unchanged=1)}
    assert organizations(desk) == [("ACME", "Acme Tools Ltd", None), ("BOLT", "Bolt & Sons", "IE")]

    refused = desk.run(options, organization="code,name,country\nACME,NULL,GB\n")
    assert (refused.status, desk.problems(refused.batch)) == ("refused", [(2, "name", "value.missing")])


def test_a_null_token_clears_a_reference(desk):
    desk.load(organization="code,name,parent\nHOLD,Holding,\nACME,Acme,HOLD\n")
    done = desk.run(ImportOptions(nulls=("-",)), organization="code,name,parent\nACME,Acme,-\n")
    assert done.entities == {"organization": Counts(1, update=1)}
    assert desk.records("organization", "code", "parent") == [("ACME", None), ("HOLD", None)]


def test_a_new_record_gets_the_defaults_of_its_blank_and_absent_fields(desk):
    desk.load(organization=TWO)
    desk.load(order="order_no,customer,ordered_on\nSO-1,ACME,2026-01-02\n")
    desk.load(order="order_no,customer,ordered_on,status\nSO-2,ACME,2026-01-02,\nSO-3,ACME,2026-01-02,shipped\n")
    assert desk.records("order", "order_no", "status") == [("SO-1", "draft"), ("SO-2", "draft"), ("SO-3", "shipped")]


def test_a_blank_cell_with_a_default_leaves_a_stored_value(desk):
    desk.load(organization=TWO, order="order_no,customer,ordered_on,status\nSO-1,ACME,2026-01-02,shipped\n")
    done = desk.run(order="order_no,customer,ordered_on,status\nSO-1,ACME,2026-01-02,\n")
    assert done.entities == {"order": Counts(1, unchanged=1)}


def test_a_stored_record_may_come_without_its_required_fields_but_a_new_one_may_not(desk):
    desk.load(organization=TWO)
    done = desk.run(organization="code,country\nACME,FR\nNEW,FR\n")
    assert (done.status, desk.problems(done.batch)) == ("refused", [(3, "name", "value.missing")])
    assert done.entities == {"organization": Counts(2, update=1, reject=1)}


def test_the_same_row_twice_is_skipped_and_a_contradicting_one_is_rejected(desk):
    done = desk.run(
        organization="code,name,country\nACME,Acme,GB\nACME,Acme,GB\nBOLT,Bolt,IE\nBOLT,Bolt,FR\n",
    )
    assert (done.status, done.entities) == ("refused", {"organization": Counts(4, insert=2, skip=1, reject=1)})
    assert [(i.row_number, i.code, i.severity, i.message) for i in desk.issues(done.batch)] == [
        (
            5,
            "key.duplicate",
            "error",
            "Row 4 of organization.csv has the same key. Keep one of the rows, or correct a key.",
        ),
        (
            3,
            "key.duplicate",
            "warning",
            "Row 2 of organization.csv has the same key. It is the same in every field, and is skipped.",
        ),
    ]


def test_two_files_of_one_entity_are_one_set_of_rows(desk):
    one = desk.file("first.csv", TWO, "organization")
    two = desk.file("second.csv", "code,name\nCOIL,Coil\nACME,Acme Tools Ltd\n", "organization")
    done = desk.service.run_import([one, two])
    assert done.entities == {"organization": Counts(4, insert=3, reject=1)}
    assert desk.problems(done.batch) == [(3, "code", "key.duplicate")]


def test_a_unique_value_that_is_not_the_key_is_refused_where_another_record_or_row_has_it(shapes_desk):
    shapes_desk.load(depot="code,door\nA,north\nB,south\n")
    done = shapes_desk.run(depot="code,door\nA,north\nC,south\nD,east\nE,east\n")
    assert shapes_desk.problems(done.batch) == [(3, "door", "key.exists"), (5, "door", "key.duplicate")]
    assert done.entities == {"depot": Counts(4, insert=1, unchanged=1, reject=2)}


def test_a_unique_set_of_fields_is_refused_where_another_record_has_it(shapes_desk):
    shapes_desk.load(depot="code,aisle,shelf\nA,1,1\nB,1,2\n")
    done = shapes_desk.run(depot="code,aisle,shelf\nC,1,2\nD,2,2\nE,2,2\nF,2,\nG,2,\n")
    assert shapes_desk.problems(done.batch) == [(2, "aisle", "key.exists"), (4, "aisle", "key.duplicate")]


def test_two_records_may_swap_their_unique_values_or_are_refused_before_anything_is_written(shapes_desk):
    shapes_desk.load(depot="code,door\nA,north\nB,south\n")
    before = shapes_desk.state()
    done = shapes_desk.run(depot="code,door\nA,south\nB,north\n")
    assert (done.status, shapes_desk.problems(done.batch)) == (
        "refused",
        [(2, "door", "key.exists"), (3, "door", "key.exists")],
    )
    assert shapes_desk.state() == before


def test_refused_rows_leave_nothing_written(sample_desk):
    before = sample_desk.state()
    done = sample_desk.run(
        organization="code,name\nNEW,New one\nnew,Wrong\n", product="sku,name,category,unit_price\nX-1,X,tools,1.00\n"
    )
    assert (done.status, sample_desk.problems(done.batch)) == ("refused", [(3, "code", "value.pattern")])
    assert sample_desk.state() == before


def test_committing_a_batch_twice_answers_its_first_result(desk):
    batch = desk.open(organization=TWO)
    first = desk.service.commit(batch)
    state = desk.state()
    second = desk.again().commit(batch)
    assert (second.status, second.plan, second.entities) == ("committed", first.plan, first.entities)
    assert second.committed_at == first.committed_at == "2026-03-31T12:00:00.000+00:00"
    assert desk.state() == state


def test_a_discarded_batch_cannot_be_committed(desk):
    batch = desk.open(organization=TWO)
    desk.service.discard(batch)
    with pytest.raises(RefusedError, match="is discarded"):
        desk.service.commit(batch)
    assert organizations(desk) == []


def test_a_dry_run_writes_nothing_and_its_batch_can_be_committed_after(desk):
    planned = desk.run(dry_run=True, organization=TWO)
    assert (planned.status, organizations(desk)) == ("planned", [])
    done = desk.service.commit(planned.batch, planned.plan)
    assert (done.status, done.plan, done.entities) == ("committed", planned.plan, planned.entities)


def test_a_table_that_is_gone_refuses_the_import_in_one_sentence(desk):
    desk.load(organization=TWO)
    desk.write("DROP TABLE order_line")
    desk.write("DROP TABLE product")
    with pytest.raises(UsageError, match="product"):
        desk.run(organization=CHANGED)


def test_a_table_dropped_between_check_and_commit_refuses_the_commit(desk):
    desk.load(organization=TWO)
    batch = desk.open(product="sku,name,category,unit_price\nX-1,X,tools,1.00\n")
    digest = desk.service.check(batch).digest
    desk.write("DROP TABLE order_line")
    desk.write("DROP TABLE product")
    with pytest.raises(PortageError) as refused:
        desk.service.commit(batch, digest)
    assert "\n" not in str(refused.value)
    assert desk.service.batch(batch).status == "open"


def test_text_survives_as_it_was_written(desk):
    odd = 'code,name\nA1,"0012, ""quoted"""\nA2,1e5\nA3,NA\nA4,TRUE\nA5,"line\nbreak"\nA6,Zoë Ω 😀\n'
    desk.load(organization=odd)
    assert [name for _, name in desk.records("organization", "code", "name")] == [
        '0012, "quoted"', "1e5", "NA", "TRUE", "line\nbreak", "Zoë Ω 😀",
    ]  # fmt: skip


def test_an_import_of_no_file_is_a_usage_error(desk):
    with pytest.raises(UsageError, match="at least one file"):
        desk.service.run_import([])
