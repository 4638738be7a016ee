from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.catalog.loader import load_catalog
from engine.issues import to_issues
from engine.processors.json_file import JSONProcessor
from engine.processors.port import ROW, ReadOptions

SAMPLE = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(SAMPLE / "catalog.toml")


def read(folder, value, processor):
    """Rows of each part: {name: (entity, [(row number, cells that are there)])}, and all issues' codes."""
    path = folder / "file"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    found, codes = {}, []
    for part in processor.inspect(path, ReadOptions()):
        rows = []
        for chunk in processor.read(path, part):
            codes.extend(issue.code for issue in to_issues(chunk.issues))
            for row in chunk.rows.to_pylist():
                number = row.pop(ROW)
                rows.append((number, {k: v for k, v in row.items() if v is not None}))
        found[part.name] = (part.entity, rows)
    return found, codes


def test_a_nested_record_is_a_reference_and_a_row_of_its_entity(tmp_path, catalog):
    acme = {"code": "ACME", "name": "Acme"}
    orders = [
        {"order_no": "1", "customer": acme},
        {"order_no": "2", "customer": {"code": "ACME"}},
        {"order_no": "3", "customer": acme},
        {"order_no": "4", "customer": {"code": "BOLT", "name": "Bolt", "parent": {"code": "ACME"}}},
    ]
    found, _ = read(tmp_path, {"order": orders}, JSONProcessor(catalog))
    assert found == {
        "order": (
            "order",
            [(n, {"order_no": str(n), "customer": c}) for n, c in enumerate(("ACME",) * 3 + ("BOLT",), 1)],
        ),
        "order.customer": (
            "organization",
            [(1, {"code": "ACME", "name": "Acme"}), (4, {"code": "BOLT", "name": "Bolt", "parent": "ACME"})],
        ),
    }


def test_records_nest_to_any_depth(tmp_path, catalog):
    contact = {"email": "a@b.c", "name": "Ann", "organization": {"code": "ACME", "name": "Acme"}}
    found, _ = read(tmp_path, {"order": [{"order_no": "1", "contact": contact}]}, JSONProcessor(catalog))
    assert found == {
        "order": ("order", [(1, {"order_no": "1", "contact": "a@b.c"})]),
        "order.contact": ("person", [(1, {"email": "a@b.c", "name": "Ann", "organization": "ACME"})]),
        "order.contact.organization": ("organization", [(1, {"code": "ACME", "name": "Acme"})]),
    }


@pytest.mark.parametrize("name", ["order_line", "Order lines", "lines"])
def test_a_nested_list_is_rows_of_the_entity_that_refers_back(tmp_path, catalog, name):
    orders = [
        {"order_no": "S1", name: [{"line_no": 1, "quantity": 2}, {"line_no": 2, "quantity": 3}]},
        {"order_no": "S2", name: [{"line_no": 1, "order": "S9"}]},
    ]
    found, _ = read(tmp_path, {"orders": orders}, JSONProcessor(catalog))
    assert found == {
        "orders": ("order", [(1, {"order_no": "S1"}), (2, {"order_no": "S2"})]),
        f"orders.{name}": (
            "order_line",
            [
                (1, {"line_no": "1", "quantity": "2", "order": "S1"}),
                (2, {"line_no": "2", "quantity": "3", "order": "S1"}),
                (3, {"line_no": "1", "order": "S9"}),
            ],
        ),
    }


def test_the_entity_of_a_bare_list_is_found_or_told(tmp_path, catalog):
    orders = [{"order_no": "1", "customer": {"code": "ACME", "name": "Acme"}, "status": "draft"}]
    expected = {
        "": ("order", [(1, {"order_no": "1", "customer": "ACME", "status": "draft"})]),
        "customer": ("organization", [(1, {"code": "ACME", "name": "Acme"})]),
    }
    assert read(tmp_path, orders, JSONProcessor(catalog))[0] == expected
    assert read(tmp_path, orders, JSONProcessor(catalog, "order"))[0] == expected


def test_a_nested_record_without_its_key_stays_in_its_row(tmp_path, catalog):
    orders = [
        {"order_no": "1", "customer": {"name": "Acme"}},
        {"order_no": "2", "customer": {"name": "A", "city": "B"}},
    ]
    found, _ = read(tmp_path, {"order": orders}, JSONProcessor(catalog))
    assert found["order"][1] == [
        (1, {"order_no": "1", "customer": "Acme"}),
        (2, {"order_no": "2", "customer.name": "A", "customer.city": "B"}),
    ]


def test_lists_that_are_values_stay_lists(tmp_path, catalog):
    products = [{"sku": "1", "aliases": ["a", "b"]}]
    found, _ = read(tmp_path, {"product": products}, JSONProcessor(catalog))
    assert found == {"product": ("product", [(1, {"sku": "1", "aliases": '["a", "b"]'})])}


def test_without_a_catalog_everything_stays_in_one_row(tmp_path):
    orders = [{"order_no": "1", "customer": {"code": "ACME"}, "lines": [{"n": 1.0}]}]
    found, _ = read(tmp_path, {"order": orders}, JSONProcessor())
    assert found == {"order": ("order", [(1, {"order_no": "1", "customer.code": "ACME", "lines": '[{"n": 1.0}]'})])}


def test_a_key_twice_in_a_nested_record_is_reported(tmp_path, catalog):
    text = '{"order": [{"order_no": "1", "customer": {"code": "A", "code": "B", "name": "x"}}]}'
    found, codes = read(tmp_path, text, JSONProcessor(catalog))
    assert found["order"][1] == [(1, {"order_no": "1", "customer": "A"})]
    assert codes == ["column.duplicate"]


def test_the_nested_sample_gives_orders_and_their_customers(catalog):
    path = SAMPLE / "messy" / "order_nested.json"
    processor = JSONProcessor(catalog)
    parts = processor.inspect(path, ReadOptions())
    assert [(part.name, part.entity) for part in parts] == [("", "order"), ("customer", "organization")]
    numbers = [[n for chunk in processor.read(path, part) for n in chunk.rows[ROW].to_pylist()] for part in parts]
    assert numbers == [[1, 2, 3, 4, 5, 6, 7, 8]] * 2
