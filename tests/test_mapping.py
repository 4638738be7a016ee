"""Which entity a source holds, and which slot each of its columns is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from engine.catalog.loader import load_catalog
from engine.issues import to_issues
from engine.mapping import column_issues, guess, map_columns, to_fields

SAMPLE = load_catalog(Path(__file__).parents[1] / "sample_data" / "catalog.toml")
SHAPES = load_catalog(Path(__file__).parent / "catalogs" / "shapes.toml")


@pytest.mark.parametrize(
    ("columns", "names", "entity"),
    [
        (("code", "name", "country"), (), "organization"),
        (("E-mail", "Full name", "Employer"), (), "person"),
        (("SKU", "Price"), (), "product"),
        (("Order no", "Line", "Article", "Qty", "Price"), (), "order_line"),
        (("order_no", "customer"), ("whatever",), "order"),
        (("name", "country"), ("organization",), "organization"),
        (("name", "country"), ("Customer Order", ""), None),
        (("x", "y"), ("order",), None),
        ((), ("order",), None),
    ],
)
def test_the_entity_whose_key_and_columns_are_there_is_guessed(columns, names, entity):
    assert guess(SAMPLE, columns, names).entity == entity


def test_a_chosen_entity_is_not_guessed_against():
    found = guess(SAMPLE, ("code", "name"), ("organization",), "product")
    assert (found.entity, found.why, found.mapping) == ("product", "chosen", {"name": "name"})


def test_headings_are_known_but_for_case_spaces_and_punctuation():
    columns = ("ORDER NUMBER", "Sold-to", "order date", "Shipped on", "Nonsense")
    assert map_columns(SAMPLE, SAMPLE.entity("order"), columns) == {
        "ORDER NUMBER": "order_no",
        "Sold-to": "customer",
        "order date": "ordered_on",
        "Shipped on": "shipped_on",
    }


def test_a_name_wins_over_a_known_heading_and_no_slot_is_taken_twice():
    columns = ("Company name", "name", "Company")
    assert map_columns(SAMPLE, SAMPLE.entity("organization"), columns) == {"name": "name"}


def test_a_reference_to_a_composite_key_is_mapped_part_by_part():
    assert map_columns(SHAPES, SHAPES.entity("parcel"), ("label", "shipment.day", "Shipment number", "shipment")) == {
        "label": "label",
        "shipment.day": "shipment.day",
        "Shipment number": "shipment.number",
    }


def test_a_column_of_the_targets_key_is_known_for_its_reference():
    assert map_columns(SAMPLE, SAMPLE.entity("order"), ("order_no", "customer.code")) == {
        "order_no": "order_no",
        "customer.code": "customer",
    }


def test_columns_left_out_are_told_and_so_is_a_missing_key():
    columns = ("Country", "Websites", "zzz", "name", "name (2)")
    headings = ("Country", "Websites", "zzz", "name", "name")
    mapping = {"Country": "country", "name": "name"}
    issues = to_issues(column_issues(SAMPLE, SAMPLE.entity("organization"), "f.csv", columns, headings, mapping))
    assert [(i.field, i.value, i.code, i.severity, i.suggestion) for i in issues] == [
        (None, "Websites", "column.unknown", "warning", "website"),
        (None, "zzz", "column.unknown", "warning", None),
        ("code", None, "column.missing", "error", None),
    ]


def test_a_list_without_rows_and_columns_lacks_no_key():
    assert column_issues(SAMPLE, SAMPLE.entity("organization"), "f.json", (), (), {}).num_rows == 0


def test_edits_lie_over_the_mapped_columns():
    rows = pa.table({"A": ["a", "b", None], "B": ["1", "2", "3"], "__row": pa.array([2, 3, 5])})
    edits = {3: {"name": "B!", "country": "GB"}, 9: {"name": "elsewhere"}}
    assert to_fields(rows, {"A": "name"}, "__row", edits).to_pydict() == {
        "__row": [2, 3, 5],
        "name": ["a", "B!", None],
        "country": [None, "GB", None],
    }
