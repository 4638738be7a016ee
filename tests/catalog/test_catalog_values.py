"""Values and rules as a catalog writes them."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.model import Field, Kind, Rule
from engine.catalog.rule_text import OPERATORS, parse_check, write_check
from engine.catalog.values import as_text, parse


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", " a ", " a "),
        ("integer", "-7", -7),
        ("decimal", "12.50", Decimal("12.5")),
        ("float", "1e-3", 0.001),
        ("boolean", "true", True),
        ("date", "2026-03-31", date(2026, 3, 31)),
        ("datetime", "2026-03-31T13:45:00+00:00", datetime(2026, 3, 31, 13, 45, tzinfo=UTC)),
        ("datetime", "2026-03-31T13:45:00Z", datetime(2026, 3, 31, 13, 45, tzinfo=UTC)),
        ("time", "13:45", time(13, 45)),
        ("uuid", "6f1c0d5e-8a3b-4c2d-9e7f-001122334455", UUID("6f1c0d5e-8a3b-4c2d-9e7f-001122334455")),
        ("json", '{"a": 1}', {"a": 1}),
        ("list", '["a", "b"]', ["a", "b"]),
    ],
)
def test_a_text_is_the_value_of_its_kind(kind: Kind, text: str, value: object) -> None:
    assert parse(Field("x", "x", kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.0"),
        ("integer", "1_000"),
        ("integer", str(2**63)),
        ("integer", "٣"),
        ("decimal", "1e2"),
        ("decimal", "NaN"),
        ("float", "inf"),
        ("float", "1e999"),
        ("boolean", "yes"),
        ("date", "20260331"),
        ("date", "2026-02-30"),
        ("datetime", "2026-03-31T13:45:00"),
        ("time", "25:00"),
        ("uuid", "6f1c"),
        ("json", "{a: 1}"),
        ("list", '"a"'),
        ("list", "[1]"),
    ],
)
def test_any_other_text_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"^(a|true|JSON)"):
        parse(Field("x", "x", kind), text)


@pytest.mark.parametrize(("text", "fits"), [("999.99", True), ("-0.1", True), ("1000", False), ("0.001", False)])
def test_a_decimal_has_no_more_digits_than_its_type(text: str, fits: bool) -> None:
    field = Field("x", "x", "decimal", precision=5, scale=2)
    if fits:
        assert parse(field, text) == Decimal(text)
    else:
        with pytest.raises(ValueError, match="at most 5 digits, 2 of them after the point"):
            parse(field, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (7, "7"), (0.1, "0.1"), (date(2026, 3, 31), "2026-03-31"), (time(9, 5), "09:05:00"), ("x", "x")],
)
def test_a_toml_value_becomes_text_in_the_fields_own_form(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("check", "parts"),
    [
        ("a >= b", ("a", ">=", "b", True)),
        ("a>=b", ("a", ">=", "b", True)),
        ("a != 'b'", ("a", "!=", "b", False)),
        ("a == 'it''s'", ("a", "==", "it's", False)),
        ('"Order Date" < "b"', ("Order Date", "<", "b", True)),
        ("a > -1.5", ("a", ">", "-1.5", False)),
        ("a > 2026-03-31", ("a", ">", "2026-03-31", False)),
        ("a == true", ("a", "==", "true", False)),
    ],
)
def test_a_rule_compares_a_field_with_a_field_or_a_literal(check: str, parts: tuple[object, ...]) -> None:
    assert parse_check(check, {"a", "b", "Order Date"}) == parts


@given(
    st.lists(st.text(min_size=1), min_size=2, max_size=2),
    st.sampled_from(OPERATORS),
    st.text(),
    st.booleans(),
)
def test_a_rule_is_read_as_it_was_written(fields: list[str], operator: str, text: str, right_is_field: bool) -> None:
    right = fields[1] if right_is_field else text
    rule = Rule("r", fields[0], operator, right, right_is_field, "")  # type: ignore[arg-type]
    assert parse_check(write_check(rule, fields), fields) == (fields[0], operator, right, right_is_field)
