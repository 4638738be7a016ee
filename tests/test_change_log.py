"""The log has one line for each record inserted and each field changed, with the row it came from."""

from __future__ import annotations

from engine.model import ImportOptions


def ids(desk, table, key):
    return {name: str(id) for name, id in desk.read(f"SELECT {key}, id FROM {table}")}


def test_a_new_record_is_one_line(desk):
    desk.load(organization="code,name,parent\nACME,Acme,HOLD\nHOLD,Holding,\n")
    org = ids(desk, "organization", "code")
    assert desk.changes() == [
        ("organization", org["ACME"], "insert", None, None, None, 1, 2),
        ("organization", org["HOLD"], "insert", None, None, None, 1, 3),
    ]


def test_a_changed_record_is_a_line_for_each_field_that_differs(desk):
    desk.load(
        organization="code,name,country,parent\nACME,Acme,GB,HOLD\nHOLD,Holding,,\nMAIN,Main,,\n",
        product="sku,name,category,unit_price\n007,Old,tools,12.50\n",
    )
    before = len(desk.changes())
    desk.load(
        product='sku,name,category,unit_price,aliases\n007,"New, ""improved""",tools,12.5,x; y\n',
        organization="code,name,country,parent\nMAIN,Main,,\nACME,Acme,IE,NEW\nNEW,New,,\n",
    )
    org, product = ids(desk, "organization", "code"), ids(desk, "product", "sku")
    assert desk.changes()[before:] == [
        ("organization", org["NEW"], "insert", None, None, None, 2, 4),
        ("organization", org["ACME"], "update", "country", "GB", "IE", 2, 3),
        ("organization", org["ACME"], "update", "parent", "HOLD", "NEW", 2, 3),
        ("product", product["007"], "update", "name", "Old", 'New, "improved"', 1, 2),
        ("product", product["007"], "update", "aliases", None, '["x","y"]', 1, 2),
    ]


def test_a_version_is_logged_as_such_and_its_state_kept(desk):
    desk.load(organization="code,name\nACME,Acme\n")
    desk.run(ImportOptions(policy="version"), organization="code,name\nACME,Acme Ltd\n")
    org = ids(desk, "organization", "code")
    assert desk.changes()[1:] == [("organization", org["ACME"], "version", "name", "Acme", "Acme Ltd", 1, 2)]
    assert len(desk.versions()) == 1


def test_a_cleared_value_is_logged_without_an_after(desk):
    desk.load(organization="code,name,country,parent\nHOLD,Holding,,\nACME,Acme,GB,HOLD\n")
    desk.run(ImportOptions(nulls=("-",)), organization="code,country,parent\nACME,-,-\n")
    org = ids(desk, "organization", "code")
    assert desk.changes()[2:] == [
        ("organization", org["ACME"], "update", "country", "GB", None, 1, 2),
        ("organization", org["ACME"], "update", "parent", "HOLD", None, 1, 2),
    ]


def test_what_is_skipped_unchanged_or_rejected_leaves_no_line(desk):
    desk.load(organization="code,name\nACME,Acme\nBOLT,Bolt\n")
    before = desk.changes()
    desk.run(ImportOptions(policy="skip", partial=True), organization="code,name\nACME,Other\nBOLT,Bolt\nbad,Bad\n")
    assert desk.changes() == before


def test_a_result_names_the_lines_of_its_commit(desk):
    desk.load(organization="code,name\nACME,Acme\nBOLT,Bolt\n")
    desk.load(organization="code,name,country\nACME,Acme Ltd,GB\n")
    query = f"SELECT first_change, last_change FROM {desk.ledger('portage_result')} ORDER BY batch"
    assert desk.read(query) == [(1, 2), (3, 4)]


def test_the_preview_shows_the_changes_the_log_gets(desk):
    desk.load(organization="code,name,country\nACME,Acme,GB\nBOLT,Bolt,IE\n")
    batch = desk.open(organization="code,name,country\nACME,Acme Ltd,\nBOLT,Bolt,FR\nNEW,New,DE\n")
    planned = desk.service.check(batch).run.plan.entities["organization"].changes
    shown = [(row["field"], row["before"], row["after"]) for row in planned.to_pylist()]
    desk.service.commit(batch)
    logged = [(field, before, after) for *_, field, before, after, _, _ in desk.changes() if field]
    assert shown == logged == [("name", "Acme", "Acme Ltd"), ("country", "IE", "FR")]
