"""What references lead to: stored records and rows of the same batch, by key, alias and name, in whatever order."""

from __future__ import annotations

import itertools
import uuid

import pytest

from engine.model import Counts, ImportOptions

ACME = 'code,name,aliases\nACME,Acme Tools Ltd,"[""Acme"", ""The anvil""]"\n'


@pytest.mark.parametrize("named", ["ACME", "The anvil", "Acme Tools Ltd"])
@pytest.mark.parametrize("together", [False, True])
def test_a_reference_is_found_by_key_alias_or_name_stored_or_pending(desk, named, together):
    person = f"email,name,organization\nada@acme.example,Ada,{named}\n"
    if together:
        desk.load(person=person, organization=ACME)
    else:
        desk.load(organization=ACME)
        desk.load(person=person)
    assert desk.records("person", "email", "organization") == [("ada@acme.example", "ACME")]


def test_a_key_wins_over_an_alias_and_an_alias_over_a_name(desk):
    desk.load(organization="code,name,aliases\nA,B,C\nB,C,D\nC,D,E\nX,E,\n")
    desk.load(person="email,name,organization\n" + "".join(f"{x}@x.example,P,{x}\n" for x in "ABCDE"))
    assert desk.records("person", "email", "organization") == [
        ("A@x.example", "A"),
        ("B@x.example", "B"),
        ("C@x.example", "C"),
        ("D@x.example", "B"),
        ("E@x.example", "C"),
    ]


def test_a_text_that_names_several_records_is_asked_about_and_lists_them(desk):
    desk.load(organization="code,name\nGREEN-1,The Shed\nGREEN-2,Barn\n")
    done = desk.run(
        organization="code,name\nGREEN-3,The Shed\n",
        person="email,name,organization\na@x.example,A,The Shed\nb@x.example,B,Shedd\n",
    )
    assert [(i.row_number, i.code, i.message) for i in desk.issues(done.batch)] == [
        (
            2,
            "reference.ambiguous",
            "“The Shed” is the name of several records of organization: GREEN-1, GREEN-3. "
            "Use the key of the one you mean.",
        ),
        (
            3,
            "reference.missing",
            "There is no organization “Shedd”. Did you mean GREEN-1 (The Shed, 62 %) or GREEN-3 (The Shed, 62 %)?",
        ),
    ]


def test_a_renamed_record_answers_to_its_old_and_its_new_name_within_the_batch(desk):
    desk.load(organization="code,name\nACME,Old name\n")
    desk.load(
        organization="code,name\nACME,New name\n",
        person="email,name,organization\na@x.example,A,Old name\nb@x.example,B,New name\n",
    )
    assert desk.records("person", "email", "organization") == [("a@x.example", "ACME"), ("b@x.example", "ACME")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_files_may_come_in_any_order(sqlite_empty_desk, order):
    desk = sqlite_empty_desk
    files = desk.files(
        order="order_no,customer,contact,ordered_on\nSO-1,ACME,ada@acme.example,2026-01-02\n",
        person="email,name,organization\nada@acme.example,Ada,Acme\n",
        organization=ACME,
    )
    assert desk.service.run_import([files[place] for place in order]).status == "committed"
    assert desk.records("order", "order_no", "customer", "contact") == [("SO-1", "ACME", "ada@acme.example")]


def test_a_record_may_refer_to_one_further_down_the_same_file(desk):
    desk.load(organization="code,name,parent\nLEAF,Leaf,TWIG\nTWIG,Twig,ROOT\nROOT,Root,\n")
    assert desk.records("organization", "code", "parent") == [("LEAF", "TWIG"), ("ROOT", None), ("TWIG", "ROOT")]


def test_an_update_may_lead_to_a_new_record(desk):
    desk.load(organization="code,name,parent\nA,A,\nB,B,A\n")
    done = desk.run(organization="code,name,parent\nB,B,NEW\nNEW,New,\n")
    assert done.entities == {"organization": Counts(2, insert=1, update=1)}
    assert desk.records("organization", "code", "parent") == [("A", None), ("B", "NEW"), ("NEW", None)]


@pytest.mark.parametrize(
    ("stored", "incoming", "circling", "dragged"),
    [
        ("", "A,A,A\n", [2], []),
        ("", "A,A,B\nB,B,C\nC,C,A\nD,D,A\n", [2, 3, 4], [5]),
        ("A,A,\nB,B,A\nC,C,B\n", "A,A,C\n", [2], []),
        ("A,A,\nB,B,A\n", "A,A,B\nB,B,C\nC,C,\n", [], []),
        ("A,A,\nB,B,A\n", "B,B,\nA,A,B\n", [3], []),
    ],
    ids=["itself", "three rows", "through stored records", "moved away meanwhile", "a blank cell moves nothing"],
)
def test_records_never_refer_to_each_other_in_a_circle(desk, stored, incoming, circling, dragged):
    if stored:
        desk.load(organization=f"code,name,parent\n{stored}")
    done = desk.run(organization=f"code,name,parent\n{incoming}")
    assert desk.problems(done.batch) == [(row, "parent", "reference.cycle") for row in circling] + [
        (row, "parent", "reference.rejected") for row in dragged
    ]


def test_a_cleared_reference_opens_a_circle(desk):
    desk.load(organization="code,name,parent\nA,A,\nB,B,A\n")
    done = desk.run(ImportOptions(nulls=("-",)), organization="code,name,parent\nB,B,-\nA,A,B\n")
    assert (done.status, desk.problems(done.batch)) == ("committed", [])
    assert desk.records("organization", "code", "parent") == [("A", "B"), ("B", None)]


def test_a_row_that_refers_to_a_rejected_row_is_rejected_and_so_on(desk):
    done = desk.run(
        organization="code,name,country\nACME,Acme,Great Britain\n",
        person="email,name,organization,manager\nada@x.example,Ada,ACME,\nbob@x.example,Bob,ACME,ada@x.example\n",
        order="order_no,customer,contact,ordered_on\nSO-1,ACME,bob@x.example,2026-01-02\n",
        order_line="order,line_no,product,quantity,unit_price\nSO-1,1,X-1,1,1.00\n",
        product="sku,name,category,unit_price\nX-1,X,tools,1.00\n",
    )
    rejected = [(i.entity, i.row_number, i.field) for i in desk.issues(done.batch) if i.code == "reference.rejected"]
    assert {entity: counts.reject for entity, counts in done.entities.items()} == {
        "organization": 1, "person": 2, "product": 0, "order": 1, "order_line": 1,
    }  # fmt: skip
    assert {place[:2] for place in rejected} == {("person", 2), ("person", 3), ("order", 2), ("order_line", 2)}


def test_a_row_may_refer_to_a_stored_record_whose_own_row_is_rejected(desk):
    desk.load(organization=ACME)
    done = desk.run(
        ImportOptions(partial=True),
        organization="code,name,country\nACME,Acme,Great Britain\n",
        person="email,name,organization\nada@x.example,Ada,ACME\n",
    )
    assert done.entities == {"organization": Counts(1, reject=1), "person": Counts(1, insert=1)}


# -- entities that refer to each other


def test_two_entities_that_refer_to_each_other_are_stored_then_linked(circle_desk):
    done = circle_desk.load(
        employee="badge,team,mentor\n7,RED,8\n8,RED,\n9,BLUE,8\n", team="code,title,lead\nRED,Red,7\nBLUE,Blue,\n"
    )
    assert done.entities == {"team": Counts(2, insert=2), "employee": Counts(3, insert=3)}
    assert circle_desk.records("team", "code", "lead") == [("BLUE", None), ("RED", "7")]
    assert circle_desk.records("employee", "badge", "team", "mentor") == [
        ("7", "RED", "8"), ("8", "RED", None), ("9", "BLUE", "8"),
    ]  # fmt: skip


def test_a_circle_of_entities_again_changes_nothing(circle_desk):
    texts = {"employee": "badge,team\n7,RED\n", "team": "code,title,lead\nRED,Red,7\n"}
    circle_desk.load(**texts)
    state = circle_desk.state()[:3]
    done = circle_desk.load(**texts)
    assert done.entities == {"team": Counts(1, unchanged=1), "employee": Counts(1, unchanged=1)}
    assert circle_desk.state()[:3] == state


def test_a_late_reference_of_a_stored_record_moves_to_a_new_one(circle_desk):
    circle_desk.load(employee="badge,team\n7,RED\n", team="code,title,lead\nRED,Red,7\n")
    done = circle_desk.load(employee="badge,team\n10,RED\n", team="code,lead\nRED,10\n")
    assert done.entities == {"team": Counts(1, update=1), "employee": Counts(1, insert=1)}
    assert circle_desk.records("team", "code", "lead") == [("RED", "10")]
    assert circle_desk.changes()[-1][2:] == ("update", "lead", "7", "10", 2, 2)


def test_a_rejected_employee_takes_the_team_it_leads_along_and_that_team_its_people(circle_desk):
    done = circle_desk.run(team="code,lead\nRED,7\nBLUE,\n", employee="badge,team,mentor\n7,RED,404\n8,RED,\n9,BLUE,\n")
    assert circle_desk.problems(done.batch) == [
        (2, "lead", "reference.rejected"),
        (2, "mentor", "reference.missing"),
        (3, "team", "reference.rejected"),
    ]


# -- keys of several fields, keys without ids, UUIDs


def test_a_reference_to_a_composite_key_has_a_column_for_each_part(shapes_desk):
    shapes_desk.load(
        parcel="label,shipment.day,shipment.number,weight\nP1,2026-03-01,2,1.5\nP2,2026-03-01,1,\n",
        shipment="day,number\n2026-03-01,1\n2026-03-01,2\n",
    )
    assert shapes_desk.records("parcel", "label", "shipment", "weight") == [
        ("P1", "2026-03-01\x1f2", "1.500000"),
        ("P2", "2026-03-01\x1f1", "1.000000"),
    ]


def test_an_unknown_composite_key_is_named_with_its_parts(shapes_desk):
    shapes_desk.load(shipment="day,number\n2026-03-01,1\n")
    done = shapes_desk.run(parcel="label,shipment.day,shipment.number\nP1,2026-03-01,7\n")
    assert [(i.row_number, i.field, i.code, i.value) for i in shapes_desk.issues(done.batch)] == [
        (2, "shipment", "reference.missing", "2026-03-01 / 7")
    ]


def test_records_without_ids_are_known_by_their_keys(shapes_desk):
    shapes_desk.load(city="country,name,people\nGB,York,153000\nIE,Cork,\n")
    done = shapes_desk.load(city="country,name,people\nGB,York,154000\nIE,Cork,\nGB,Leeds,\n")
    assert done.entities == {"city": Counts(3, insert=1, update=1, unchanged=1)}
    assert shapes_desk.records("city", "country", "name", "people") == [
        ("GB", "Leeds", None), ("GB", "York", "154000"), ("IE", "Cork", None),
    ]  # fmt: skip
    assert shapes_desk.changes() == [
        ("city", "GB\x1fYork", "insert", None, None, None, 1, 2),
        ("city", "IE\x1fCork", "insert", None, None, None, 1, 3),
        ("city", "GB\x1fLeeds", "insert", None, None, None, 1, 4),
        ("city", "GB\x1fYork", "update", "people", "153000", "154000", 1, 2),
    ]


def test_versions_of_records_without_ids_are_kept_under_their_keys(shapes_desk):
    shapes_desk.load(city="country,name,people\nGB,York,1\n")
    for people in (2, 3):
        shapes_desk.run(ImportOptions(policy="version"), city=f"country,name,people\nGB,York,{people}\n")
    found = shapes_desk.read(f"SELECT record_key, number FROM {shapes_desk.ledger('portage_version')} ORDER BY seq")
    assert found == [("GB\x1fYork", 1), ("GB\x1fYork", 2)]


def test_a_composite_link_leads_to_a_stored_or_pending_record_or_is_missing(shapes_desk):
    shapes_desk.load(city="country,name\nGB,York\n")
    done = shapes_desk.run(
        depot="code,country,city\nD1,GB,York\nD2,IE,Cork\nD3,IE,York\nD4,,York\n", city="country,name\nIE,Cork\n"
    )
    assert [(i.row_number, i.field, i.code, i.value) for i in shapes_desk.issues(done.batch)] == [
        (4, "country", "reference.missing", "IE / York")
    ]
    assert done.entities == {"city": Counts(1, insert=1), "depot": Counts(4, insert=3, reject=1)}


def test_a_row_whose_composite_link_leads_to_a_rejected_row_is_rejected(shapes_desk):
    done = shapes_desk.run(city="country,name,people\nIE,Cork,many\n", depot="code,country,city\nD2,IE,Cork\n")
    assert {entity: counts.reject for entity, counts in done.entities.items()} == {"city": 1, "depot": 1}


def test_records_with_uuids_get_fresh_ones_and_refer_by_them(shapes_desk):
    shapes_desk.load(page="document,number,body\nB,1,one\nA,1,two\n", document="title,after\nA,B\nB,\n")
    ids = dict(shapes_desk.read("SELECT title, CAST(id AS text) FROM document"))
    assert {str(uuid.UUID(id)) for id in ids.values()} == set(ids.values())
    assert shapes_desk.records("document", "title", "after") == [("A", "B"), ("B", None)]
    assert shapes_desk.records("page", "document", "number", "body") == [("A", "1", "two"), ("B", "1", "one")]

    done = shapes_desk.load(page="document,number,body\nB,1,changed\nC,1,new\n", document="title,after\nA,C\nB,\nC,\n")
    assert done.entities == {
        "document": Counts(3, insert=1, update=1, unchanged=1),
        "page": Counts(2, insert=1, update=1),
    }
    assert shapes_desk.records("document", "title", "after") == [("A", "C"), ("B", None), ("C", None)]
    assert shapes_desk.changes()[-2:] == [
        ("document", "A", "update", "after", "B", "C", 2, 2),
        ("page", "B\x1f1", "update", "body", "one", "changed", 1, 2),
    ]


def test_every_kind_of_value_is_stored_and_recognised_again(shapes_desk):
    text = (
        "name,whole,exact,long,rough,done,day,moment,clock,token,extra,tags\n"
        "A,-7,12.50,1234567890123456789012345678.0000000001,0.1,true,2026-02-28,2026-02-28T10:00:00.5Z,09:30:00,"
        'f81d4fae-7dec-11d0-a765-00a0c91e6bf6,"{""b"": 1, ""a"": [1, 2]}",x; y\n'
        "B,,,,,,,,,,,\n"
    )
    shapes_desk.load(reading=text)
    done = shapes_desk.run(reading=text)
    assert (done.status, done.entities) == ("committed", {"reading": Counts(2, unchanged=2)})
    other = text.replace("12.50", "12.51").replace(",true,", ",false,").replace("10:00:00.5Z", "11:00:00.6+01:00")
    shapes_desk.load(reading=other)
    assert [change[2:6] for change in shapes_desk.changes()[2:]] == [
        ("update", "exact", "12.50", "12.51"),
        ("update", "done", "true", "false"),
        ("update", "moment", "2026-02-28T10:00:00.5Z", "2026-02-28T10:00:00.6Z"),
    ]


def test_a_default_is_stored_as_if_it_had_been_in_the_file(shapes_desk):
    shapes_desk.load(preset="name\nA\n")
    names = [item.name for item in shapes_desk.service.catalog.entity("preset").fields]
    (stored,) = shapes_desk.records("preset", *names)
    assert dict(zip(names, stored, strict=True)) == {
        "name": "A",
        "plain": "it's",
        "whole": "-7",
        "exact": "1.50",
        "long": "2.0000000000",
        "rough": "0.1",
        "done": "true",
        "day": "2026-02-28",
        "moment": "2026-02-28T10:00:00Z",
        "clock": "09:30:00",
        "token": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "extra": '{"a":[1,2],"b":1}',
        "tags": '["x","y"]',
    }
    cells = ",".join('"' + text.replace('"', '""') + '"' for text in stored)
    done = shapes_desk.run(preset=f"{','.join(names)}\n{cells}\n")
    assert (done.status, done.entities) == ("committed", {"preset": Counts(1, unchanged=1)})


def test_the_key_of_a_waiting_row_is_shown_whole_however_deep_it_refers(shapes_desk):
    shapes_desk.load(
        document="title\nA\n", page="document,number\nA,1\n", mark="name,page.document,page.number\nM,A,1\n"
    )
    shapes_desk.load(
        mark="name,page.document,page.number\nM,B,2\nN,B,2\n", page="document,number\nB,2\n", document="title\nB\n"
    )
    assert shapes_desk.records("mark", "name", "page") == [("M", "B\x1f2"), ("N", "B\x1f2")]
    assert [change[3:6] for change in shapes_desk.changes() if change[3]] == [("page", "A\x1f1", "B\x1f2")]


def test_a_row_whose_composite_link_leads_to_a_row_rejected_later_is_rejected(shapes_desk):
    done = shapes_desk.run(
        badge="depot_code,note\nD1,x\n",
        depot="code,country,city\nD1,IE,Cork\n",
        city="country,name,people\nIE,Cork,many\n",
    )
    assert {entity: counts.reject for entity, counts in done.entities.items()} == {"city": 1, "depot": 1, "badge": 1}
