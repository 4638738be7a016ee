"""Canonical text: it converts back to the value it was made from, for every kind (promise 8)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.model import Entity, Field, make_catalog
from engine.catalog.text import arrow_type, to_text
from engine.conversion import ConvertOptions, convert
from engine.processors.port import ROW

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS.filter(bool),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "decimal": st.decimals(-(10**10) + 1, 10**10 - 1, places=8),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(timezones=st.just(UTC)),
    "time": st.times(),
    "uuid": st.uuids().map(str),
    "json": JSONS.map(compact),
    "list": st.lists(TEXTS, max_size=4).map(compact),
    "reference": TEXTS.map(str.strip).filter(bool),
}


def of_kind(kind: Any) -> Field:
    return Field("it", "it", kind, precision=18 if kind == "decimal" else None, scale=8 if kind == "decimal" else None)


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_canonical_text_converts_back_to_the_same_value(kind: str, data: st.DataObject) -> None:
    item = of_kind(kind)
    entity = Entity("thing", "thing", (item,), ("it",))
    stored = pa.array(data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=6)), arrow_type(item))
    texts = to_text(stored, item)
    rows = pa.table({"it": texts, ROW: pa.array(range(len(texts)), pa.int64())})
    converted = convert(rows, make_catalog("test", (entity,)), entity, "", ConvertOptions())
    assert converted.issues.to_pylist() == []
    assert converted.rows["it"].combine_chunks().equals(stored)
    assert to_text(converted.rows["it"], item).equals(texts)


def test_how_each_kind_is_written() -> None:
    def written(kind: str, *values: Any) -> list[str]:
        texts: list[str] = to_text(pa.array(values, arrow_type(of_kind(kind))), of_kind(kind)).to_pylist()
        return texts

    assert written("integer", 7, None, -(2**63)) == ["7", None, "-9223372036854775808"]
    assert written("decimal", Decimal("12.5"), Decimal("1E-8")) == ["12.50000000", "0.00000001"]
    assert written("float", 0.1, 1e16, 2.5) == ["0.1", "1e+16", "2.5"]
    assert written("boolean", True, False) == ["true", "false"]
    assert written("date", date(2026, 3, 31), date(1, 1, 1)) == ["2026-03-31", "0001-01-01"]
    assert written("datetime", datetime(2026, 3, 31, 12, tzinfo=UTC)) == ["2026-03-31T12:00:00Z"]
    assert written("datetime", datetime(2026, 3, 31, 12, 0, 0, 500000, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)) == [
        "2026-03-31T12:00:00.5Z",
        "0001-01-01T00:00:00Z",
    ]
    assert written("time", time(12), time(12, 0, 0, 10)) == ["12:00:00", "12:00:00.00001"]


def test_a_decimal_is_written_with_the_digits_of_its_field() -> None:
    price = Field("price", "price", "decimal", precision=12, scale=2)
    assert to_text(pa.array([Decimal("1"), Decimal("2.5")], pa.decimal128(5, 1)), price).to_pylist() == ["1.00", "2.50"]
