"""Typed columns are asked what the catalog asks of them; each failing cell is named once (RISKS 24, 25, 28, 34, 36)."""

from __future__ import annotations

import time as clock
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.model import Entity, Field, Reference, Rule, make_catalog
from engine.catalog.text import arrow_type
from engine.issues import SCHEMA
from engine.processors.port import ROW
from engine.validation import Validated, build_checks, validate

KEY = Field("code", "code", "text", required=True, example="ACME")
SHIPPED = Rule(
    "shipped_after_ordered", "shipped_on", ">=", "ordered_on", True, "It cannot be shipped before it was ordered."
)


def check(
    fields: tuple[Field, ...],
    columns: dict[str, list[Any]],
    *,
    rules: tuple[Rule, ...] = (),
    key: tuple[str, ...] = (),
    failed: dict[str, list[bool]] | None = None,
    cleared: dict[str, list[bool]] | None = None,
    raw: dict[str, list[str | None]] | None = None,
) -> Validated:
    """The columns checked as the rows of one entity, from row 2 on."""
    entity = Entity("thing", "thing", fields, key or (fields[0].name,), rules=rules)
    arrays = {name: pa.array(values, arrow_type(entity.field(name))) for name, values in columns.items()}
    numbers = pa.array(range(2, len(next(iter(columns.values()))) + 2), pa.int64())
    return validate(
        build_checks(make_catalog("test", (entity,)), entity),
        pa.table({**arrays, ROW: numbers}),
        {name: pa.array(mask) for name, mask in (failed or {}).items()},
        {name: pa.array(mask) for name, mask in (cleared or {}).items()},
        "f.csv",
        None if raw is None else pa.table(raw),
    )


def listed(issues: pa.Table) -> list[tuple[int, str, str, str | None, str | None]]:
    """(row number, field, code, value, suggestion) of every issue, in the order of the rows."""
    rows = issues.sort_by([("row_number", "ascending")]).to_pylist()
    return [(row["row_number"], row["field"], row["code"], row["value"], row["suggestion"]) for row in rows]


def of_one(item: Field, values: list[Any], **said: Any) -> list[tuple[int, str | None, str | None]]:
    """(row number, code, suggestion) of the issues of one field that is no key."""
    keys = [f"K{number}" for number in range(len(values))]
    found = check((KEY, item), {"code": keys, item.name: values}, **said)
    assert found.missing_if_new.num_rows == 0
    return [(row, code, suggestion) for row, _, code, _, suggestion in listed(found.issues)]


def field(kind: Any, **said: Any) -> Field:
    return Field("it", "it", kind, **said)


def test_an_issue_names_its_place_and_says_what_to_do() -> None:
    status = field("text", label="Status", choices=("draft", "shipped"))
    found = check((KEY, status), {"code": ["a", "b"], "it": ["draft", "shiped"]}, raw={"it": ["draft", "shiped"]})
    assert found.issues.schema == SCHEMA
    assert found.issues.to_pylist() == [
        {
            "entity": "thing",
            "source": "f.csv",
            "row_number": 3,
            "field": "it",
            "value": "shiped",
            "code": "value.choice",
            "severity": "error",
            "message": "Status must be one of its choices: draft, shipped.",
            "suggestion": "shipped",
        }
    ]
    assert found.missing_if_new.to_pylist() == []


def test_sound_rows_have_no_issues() -> None:
    fields = (
        KEY,
        Field("price", "price", "decimal", precision=12, scale=2, minimum="0"),
        Field("at", "at", "datetime"),
    )
    columns = {"code": ["a", "b"], "price": [Decimal("0.00"), None], "at": [None, datetime(2026, 1, 1, tzinfo=UTC)]}
    found = check(fields, columns)
    assert (found.issues.num_rows, found.missing_if_new.num_rows) == (0, 0)


def test_a_row_without_its_key_is_an_error_always() -> None:
    fields = (KEY, Field("line", "line", "integer"))
    found = check(fields, {"code": ["a", None, None], "line": [1, None, 2]}, key=("code", "line"))
    assert listed(found.issues) == [
        (3, "code", "key.missing", None, None),
        (3, "line", "key.missing", None, None),
        (4, "code", "key.missing", None, None),
    ]
    assert found.issues["message"].to_pylist()[0] == (
        "code is part of what identifies the row: fill it in, for example ACME."
    )


def test_a_required_blank_counts_only_if_the_row_is_new() -> None:
    fields = (
        KEY,
        Field("name", "name", "text", required=True),
        Field("status", "status", "text", required=True, default="draft"),
        Field("made", "made", "date", filled=True),
        Field("note", "note", "text"),
    )
    blank: dict[str, list[Any]] = {"code": ["a", "b"], "name": ["x", None]}
    found = check(fields, blank | {name: [None, None] for name in ("status", "made", "note")})
    assert listed(found.issues) == []
    assert listed(found.missing_if_new) == [(3, "name", "value.missing", None, None)]


def test_clearing_a_required_value_is_an_error_always() -> None:
    fields = (KEY, Field("name", "name", "text", required=True), Field("note", "note", "text"))
    found = check(
        fields,
        {"code": [None, "b"], "name": [None, None], "note": [None, None]},
        cleared={"code": [True, False], "name": [False, True], "note": [True, True]},
        raw={"code": ["NULL", "b"], "name": ["", "NULL"], "note": ["NULL", "NULL"]},
    )
    assert listed(found.issues) == [
        (2, "code", "key.missing", "NULL", None),
        (3, "name", "value.missing", "NULL", None),
    ]
    assert listed(found.missing_if_new) == [(2, "name", "value.missing", "", None)]


def test_a_cell_that_failed_before_gets_no_second_issue() -> None:
    fields = (KEY, Field("name", "name", "text", required=True))
    failed = {"code": [True, False], "name": [True, False]}
    found = check(fields, {"code": [None, "b"], "name": [None, None]}, failed=failed)
    assert listed(found.issues) == []
    assert listed(found.missing_if_new) == [(3, "name", "value.missing", None, None)]


def test_length_counts_characters() -> None:
    assert of_one(field("text", length=3), ["abc", "äöü", "👩👩👩", "abcd", None]) == [(5, "value.length", None)]


@pytest.mark.parametrize(
    ("kind", "bounds", "low", "inside", "high"),
    [
        ("integer", ("1", "9"), 0, [1, 9], 10),
        ("decimal", ("0", "9.99"), Decimal("-0.01"), [Decimal("0.00"), Decimal("9.99")], Decimal("10.00")),
        ("float", ("0", "1e3"), -0.1, [0.0, 1000.0], 1000.1),
        (
            "date",
            ("2026-01-01", "2026-12-31"),
            date(2025, 12, 31),
            [date(2026, 1, 1), date(2026, 12, 31)],
            date(2027, 1, 1),
        ),
        ("time", ("08:00", "17:00"), time(7, 59), [time(8), time(17)], time(17, 0, 1)),
        (
            "datetime",
            ("2026-01-01T00:00:00+01:00", "2026-12-31T00:00:00+00:00"),
            datetime(2025, 12, 31, 22, tzinfo=UTC),
            [datetime(2025, 12, 31, 23, tzinfo=UTC)],
            datetime(2026, 12, 31, 0, 0, 1, tzinfo=UTC),
        ),
    ],
)
def test_ranges_of_every_kind(kind: str, bounds: tuple[str, str], low: Any, inside: list[Any], high: Any) -> None:
    digits = {"precision": 12, "scale": 2} if kind == "decimal" else {}
    item = field(kind, minimum=bounds[0], maximum=bounds[1], **digits)
    assert of_one(item, [low, *inside, None, high]) == [
        (2, "value.range", None),
        (4 + len(inside), "value.range", None),
    ]


def test_patterns_suggest_the_spelling_that_fits() -> None:
    country = field("text", pattern="^[A-Z]{2}$", example="GB")
    assert of_one(country, ["GB", "gb", " de ", "France", "GB\n", None]) == [
        (3, "value.pattern", "GB"),
        (4, "value.pattern", "DE"),
        (5, "value.pattern", None),
        (6, "value.pattern", "GB"),
    ]


def test_a_pattern_is_looked_for_as_the_catalog_does() -> None:
    assert of_one(field("text", pattern="^https?://"), ["https://a.example", "www.a.example"]) == [
        (3, "value.pattern", None)
    ]


def test_patterns_take_no_time() -> None:
    started = clock.perf_counter()
    assert of_one(field("text", pattern="^(a+)+$"), ["a" * 50_000 + "!"]) == [(2, "value.pattern", None)]
    assert clock.perf_counter() - started < 2


def test_choices_suggest_the_nearest() -> None:
    category = field("text", choices=("tools", "Garden", "paint"))
    assert of_one(category, ["tools", "garden ", "tool", "TOOLS", "zzz", None]) == [
        (3, "value.choice", "Garden"),
        (4, "value.choice", "tools"),
        (5, "value.choice", "tools"),
        (6, "value.choice", None),
    ]


def test_choices_of_numbers_are_compared_as_numbers() -> None:
    assert of_one(field("integer", choices=("1", "02")), [1, 2, 3]) == [(4, "value.choice", None)]
    price = field("decimal", precision=5, scale=2, choices=("1", "2.5"))
    assert of_one(price, [Decimal("1.00"), Decimal("2.50"), Decimal("2.51")]) == [(4, "value.choice", "2.5")]


def test_two_checks_of_one_cell_are_two_issues() -> None:
    assert of_one(field("text", length=2, pattern="^[A-Z]{2}$"), ["France"]) == [
        (2, "value.length", None),
        (2, "value.pattern", None),
    ]


def test_keys_with_blanks_around_them_are_pointed_out() -> None:
    found = check((KEY,), {"code": ["a", "a ", "\u00a0b", "e\u0301", "é"]})
    assert listed(found.issues) == [
        (3, "code", "value.pattern", "a ", "a"),
        (4, "code", "value.pattern", "\u00a0b", "b"),
        (5, "code", "value.pattern", "e\u0301", "é"),
    ]
    assert found.issues["severity"].to_pylist() == ["warning"] * 3


def test_one_code_is_said_once_of_a_cell() -> None:
    code = Field("code", "code", "text", pattern="^[a-z]+$")
    found = check((code,), {"code": ["a ", "a"]})
    assert listed(found.issues) == [(2, "code", "value.pattern", "a ", "a")]
    assert found.issues["severity"].to_pylist() == ["error"]


def dated(ordered: list[Any], shipped: list[Any], **said: Any) -> Validated:
    fields = (KEY, Field("ordered_on", "o", "date"), Field("shipped_on", "s", "date"))
    columns = {"code": ["k"] * len(ordered), "ordered_on": ordered, "shipped_on": shipped}
    return check(fields, columns, rules=(SHIPPED,), **said)


def test_rules_hold_where_both_sides_have_values() -> None:
    early, late = date(2026, 3, 1), date(2026, 3, 2)
    found = dated([early, late, None, late], [late, early, early, None])
    assert listed(found.issues) == [(3, "shipped_on", "rule.shipped_after_ordered", "2026-03-01", None)]
    assert found.issues["message"].to_pylist() == ["It cannot be shipped before it was ordered."]


def test_a_rule_quotes_the_raw_text() -> None:
    raw = {"shipped_on": ["01.03.2026"], "ordered_on": ["2.3.2026"]}
    found = dated([date(2026, 3, 2)], [date(2026, 3, 1)], raw=raw)
    assert listed(found.issues) == [(2, "shipped_on", "rule.shipped_after_ordered", "01.03.2026", None)]


def test_a_rule_needs_both_columns() -> None:
    fields = (KEY, Field("ordered_on", "o", "date"), Field("shipped_on", "s", "date"))
    found = check(fields, {"code": ["k"], "shipped_on": [date(2026, 3, 1)]}, rules=(SHIPPED,))
    assert listed(found.issues) == []


@pytest.mark.parametrize(
    ("operator", "breaking"),
    [("<", [5, 6]), ("<=", [6]), (">", [4, 5]), (">=", [4]), ("==", [4, 6]), ("!=", [5])],
)
def test_rules_compare_with_a_literal(operator: Any, breaking: list[int]) -> None:
    rule = Rule("limit", "it", operator, "5", False, "")
    found = check((KEY, field("integer")), {"code": ["a", "b", "c"], "it": [4, 5, 6]}, rules=(rule,))
    assert [int(value or 0) for _, _, _, value, _ in listed(found.issues)] == breaking
    said = f"It must be that it {operator} 5: correct one of them."
    assert found.issues["message"].to_pylist() == [said] * len(breaking)


def test_a_rule_is_compared_and_never_evaluated() -> None:
    rule = Rule("code", "it", "==", "__import__('os').abort()", False, "No.")
    found = check((KEY, field("text")), {"code": ["a"], "it": ["x"]}, rules=(rule,))
    assert listed(found.issues) == [(2, "it", "rule.code", "x", None)]


def test_rules_of_numbers_of_different_kinds() -> None:
    fields = (KEY, Field("low", "low", "integer"), Field("high", "high", "decimal", precision=9, scale=2))
    rule = Rule("order", "low", "<", "high", True, "No.")
    found = check(
        fields, {"code": ["a", "b"], "low": [1, 2], "high": [Decimal("1.50"), Decimal("1.50")]}, rules=(rule,)
    )
    assert listed(found.issues) == [(3, "low", "rule.order", "2", None)]


def test_the_parts_of_a_reference_are_shown_apart() -> None:
    item = field("reference", reference=Reference("thing", "id"), choices=("x",))
    found = check((KEY, item), {"code": ["a"], "it": ["SO-1\x1f2"]})
    assert listed(found.issues) == [(2, "it", "value.choice", "SO-1 / 2", None)]


def test_fields_without_a_column_are_not_asked_about() -> None:
    found = check((KEY, Field("name", "name", "text", required=True)), {"code": ["a"]})
    assert (listed(found.issues), listed(found.missing_if_new)) == ([], [])


def test_columns_in_several_pieces_and_of_no_rows_are_checked() -> None:
    entity = Entity("thing", "thing", (KEY, field("integer", minimum="1")), ("code",))
    checks = build_checks(make_catalog("test", (entity,)), entity)
    pieces = pa.table(
        {
            "code": pa.chunked_array([["a"], ["b", None]]),
            "it": pa.chunked_array([[1, 0], [None]], pa.int64()),
            ROW: pa.chunked_array([[2, 3, 4]], pa.int64()),
        }
    )
    assert listed(validate(checks, pieces, {}, {}, "f.csv").issues) == [
        (3, "it", "value.range", "0", None),
        (4, "code", "key.missing", None, None),
    ]
    assert validate(checks, pieces.slice(0, 0), {}, {}, "f.csv").issues.num_rows == 0


def test_a_column_of_another_type_is_a_fault_of_the_engine_and_raises() -> None:
    entity = Entity("thing", "thing", (KEY, field("integer")), ("code",))
    checks = build_checks(make_catalog("test", (entity,)), entity)
    with pytest.raises(Exception, match="int64"):
        validate(checks, pa.table({"code": ["a"], "it": ["1"], ROW: [2]}), {}, {}, "f.csv")


@given(st.lists(st.none() | st.integers(-5, 15), min_size=1), st.lists(st.booleans(), min_size=1))
def test_every_cell_has_the_issues_plain_python_finds(numbers: list[int | None], masks: list[bool]) -> None:
    failed = [masks[place % len(masks)] for place in range(len(numbers))]
    kept = [None if bad else number for number, bad in zip(numbers, failed, strict=True)]
    item = field("integer", required=True, minimum="1", maximum="10", choices=tuple(str(n) for n in range(0, 16, 2)))
    found = check((KEY, item), {"code": ["k"] * len(kept), "it": kept}, failed={"it": failed})
    wanted = [
        (row, code)
        for row, number in enumerate(kept, 2)
        if number is not None
        for code, broken in [("value.range", not 1 <= number <= 10), ("value.choice", number % 2 or number < 0)]
        if broken
    ]
    blank = [row for row, (number, bad) in enumerate(zip(kept, failed, strict=True), 2) if number is None and not bad]
    assert sorted((row, code) for row, _, code, _, _ in listed(found.issues)) == sorted(wanted)
    assert [row for row, *_ in listed(found.missing_if_new)] == blank
