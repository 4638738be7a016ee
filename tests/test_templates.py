"""Files to fill in: they hold what an import asks for, and importing them as they are brings nothing in."""

from __future__ import annotations

import json

import pytest

from engine.errors import UsageError


def test_a_csv_template_is_the_header_row(sqlite_empty_desk):
    service = sqlite_empty_desk.service
    assert service.template_bytes("order_line") == b"order,line_no,product,quantity,unit_price\n"


def test_a_reference_to_a_composite_key_has_a_column_for_each_part(sqlite_scratch):
    with sqlite_scratch.desk("shapes") as desk:
        assert desk.service.template_bytes("parcel") == b"label,shipment.day,shipment.number,weight\n"


def test_a_json_template_says_what_each_field_asks_for_and_shows_an_example(sqlite_empty_desk):
    said = json.loads(sqlite_empty_desk.service.template_bytes("order", "json"))
    assert said["order"] == []
    told = said["portage"]["template"]
    assert told == {
        "fields": {
            "order_no": "required; text, at most 20 letters",
            "customer": "required; the organization by code or an alias or name",
            "contact": "optional; the person by email or name",
            "ordered_on": "required; date",
            "shipped_on": "optional; date",
            "status": "required; text, one of draft, confirmed, shipped, cancelled, draft where left blank",
            "note": "optional; text, at most 500 letters",
        },
        "example": {
            "order_no": "SO-1001",
            "customer": "ACME",
            "contact": "ada@acme.example",
            "ordered_on": "2026-03-31",
            "shipped_on": "2026-04-02",
            "status": "confirmed",
            "note": "Leave at the gate",
        },
    }


@pytest.mark.parametrize("format", ["csv", "json"])
def test_an_empty_template_changes_nothing_when_it_is_imported(sqlite_desk, format):
    before = sqlite_desk.state()
    for path in sqlite_desk.service.templates((), sqlite_desk.folder / format, format):
        try:
            done = sqlite_desk.service.run_import([(path, path.name, path.stem)])
        except UsageError:
            continue
        assert sum(counts.rows for counts in done.entities.values()) == 0
    assert sqlite_desk.state()[:3] == before[:3]


def test_templates_are_named_after_their_entities(sqlite_empty_desk, tmp_path):
    made = sqlite_empty_desk.service.templates(("order_line", "order"), tmp_path, "csv")
    assert made == [tmp_path / "order.csv", tmp_path / "order_line.csv"]
    assert (tmp_path / "order_line.csv").read_bytes() == sqlite_empty_desk.service.template_bytes("order_line")


def test_a_template_of_an_unknown_entity_is_refused(sqlite_empty_desk, tmp_path):
    with pytest.raises(UsageError, match="The catalog has no entity 'invoice'"):
        sqlite_empty_desk.service.templates(("invoice",), tmp_path / "out")
    assert not (tmp_path / "out").exists()
