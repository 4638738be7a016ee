"""What CHECK constraints say, in the words of either database."""

import pytest

from engine.catalog.check_text import Choice, Comparison, find_checks, read_check, read_literal


@pytest.mark.parametrize(
    ("condition", "terms"),
    [
        ("status IN ('a', 'b''s')", [Choice("status", ("a", "b's"))]),
        ('"status" in ("a", "b")', [Choice("status", ("a", "b"))]),
        ("(status IN (1, -2))", [Choice("status", ("1", "-2"))]),
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            [Choice("status", ("a", "b"))],
        ),
        ("status = ANY (ARRAY['a'::sx.mood, 'b'::sx.\"Mood\"])", [Choice("status", ("a", "b"))]),
        ("status IN ('a') OR status IS NULL", [Choice("status", ("a",))]),
        ("status IS NULL OR status IN ('a')", [Choice("status", ("a",))]),
        ("(n >= (0)::numeric) AND (n < m)", [Comparison("n", ">=", "0", False), Comparison("n", "<", "m", True)]),
        ("n BETWEEN 1 AND 5", [Comparison("n", ">=", "1", False), Comparison("n", "<=", "5", False)]),
        ("n <> 0", [Comparison("n", "!=", "0", False)]),
        ("t = E'c\\\\d'", [Comparison("t", "==", "c\\d", False)]),
        ("d >= '2020-01-01'::date", [Comparison("d", ">=", "2020-01-01", False)]),
        ("ok = TRUE", [Comparison("ok", "==", "true", False)]),
        ("status IS NULL OR n > 0", None),
        ("a > 0 OR b > 0", None),
        ("a IS NULL OR a > 0 AND a < 9", None),
        ("NOT (a > 0)", None),
        ("lower(a) IN ('x')", None),
        ("length(a) > 3", None),
        ("a + b > 0", None),
        ("a > b * 2", None),
        ("(a > 0) = b", None),
        ("a NOT IN ('x')", None),
        ("a IN (SELECT b FROM c)", None),
        ("a LIKE 'x%'", None),
        ("0 < a", None),
        ("a > 0 AND", None),
        ("", None),
    ],
)
def test_plain_comparisons_are_understood_and_nothing_else(
    condition: str, terms: list[Choice | Comparison] | None
) -> None:
    assert read_check(condition) == terms


def test_checks_are_found_in_a_create_table() -> None:
    sql = """CREATE TABLE [O d](
        [a b]INTEGER NOT NULL check ([a b] > 3), -- check (not this)
        x text CHECK(x in ('a)', '[b](')) default 'check (1)',
        /* CHECK (nor this) */ "check" text,
        constraint "my c" check ( (x>y) ), CHECK (`q` < 1))"""
    assert list(find_checks(sql)) == [
        ("", '"a b" > 3'),
        ("", "x in ('a)', '[b](')"),
        ("my c", " (x>y) "),
        ("", "`q` < 1"),
    ]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("'a''b'::text", "a'b"),
        ("(0)", "0"),
        ("'-1'::integer", "-1"),
        ("false", "false"),
        ("now()", None),
        ("CURRENT_TIMESTAMP", None),
        ("1 + 1", None),
        ("NULL", None),
    ],
)
def test_a_literal_default_is_told_from_a_worked_out_one(sql: str, text: str | None) -> None:
    assert read_literal(sql) == text
