"""What texts answer to which records."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.resolver.lookup import AMBIGUOUS, FOUND, MISSING, Lookup, Names

ALL = ("key", "alias", "display")


def names(*rows):
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return Names(*(pa.array(column, pa.string()) for column in columns))


STORED = names(
    ("ACME", "Acme Tools", '["Anvil", "Tools"]'),
    ("BOLT", "Bolt", None),
    ("COIL", "Bolt", '["Tools"]'),
    ("ODD", None, "not JSON"),
)
PENDING = names(("NEW", "Brand new", '["Fresh"]'), ("BOLT", "Bolt renamed", '["Screw"]'), (None, "No key", None))


@pytest.fixture
def lookup():
    return Lookup(STORED, pa.array([1, 2, 3, 4]), PENDING, None, np.array([1, 2, 3]))


def ask(lookup, *texts, by=ALL):
    found = lookup.find(pa.array(texts, pa.string()), by)
    return list(zip(found.status.tolist(), found.value.to_pylist(), found.pending.to_pylist(), strict=True))


def test_stored_records_answer_with_their_value(lookup):
    assert ask(lookup, "ACME", "Anvil", "Acme Tools", "not JSON") == [
        (FOUND, 1, None),
        (FOUND, 1, None),
        (FOUND, 1, None),
        (FOUND, 4, None),
    ]


def test_pending_rows_answer_with_their_place(lookup):
    assert ask(lookup, "NEW", "Fresh", "Brand new") == [(FOUND, None, 1)] * 3


def test_a_pending_row_that_is_stored_already_adds_its_names_to_the_record(lookup):
    assert ask(lookup, "BOLT", "Screw", "Bolt renamed") == [(FOUND, 2, None)] * 3


def test_a_blank_text_leads_nowhere_and_is_no_issue(lookup):
    assert ask(lookup, None) == [(FOUND, None, None)]


def test_unknown_and_ambiguous_texts_are_told_apart(lookup):
    assert ask(lookup, "acme", "Bolt", "Tools", "No key") == [
        (MISSING, None, None),
        (AMBIGUOUS, None, None),
        (AMBIGUOUS, None, None),
        (MISSING, None, None),
    ]
    assert lookup.find(pa.array(["Bolt", "Tools"]), ALL).candidates == {
        "Bolt": ["BOLT", "COIL"],
        "Tools": ["ACME", "COIL"],
    }


def test_the_first_way_that_names_any_record_decides(lookup):
    assert ask(lookup, "Tools", by=("display",)) == [(MISSING, None, None)]
    assert ask(lookup, "Anvil", by=("key", "display")) == [(MISSING, None, None)]
    assert ask(lookup, "ACME", by=("alias", "display")) == [(MISSING, None, None)]


def test_unknown_texts_get_as_many_proposals_as_allowed(lookup):
    texts = pa.array(["ACMEE", "Brand knew", "zzzzzzzz"])
    assert lookup.find(texts, ALL).suggestions == {}
    assert list(lookup.find(texts, ALL, suggestions=1).suggestions) == ["ACMEE"]
    found = lookup.find(texts, ALL, suggestions=9).suggestions
    assert [(text, [near.key for near in listed]) for text, listed in found.items()] == [
        ("ACMEE", ["ACME"]),
        ("Brand knew", ["NEW"]),
        ("zzzzzzzz", []),
    ]


def test_values_that_pending_rows_bring_along_need_not_wait():
    lookup = Lookup(names(), pa.array([], pa.string()), names(("NEW", None, None)), pa.array(["new"]), np.array([1]))
    assert ask(lookup, "NEW") == [(FOUND, "new", 1)]


def test_two_pending_rows_of_one_key_are_one_record():
    pending = names(("A", "First", None), ("A", "Second", None))
    lookup = Lookup(names(), pa.array([], pa.int64()), pending, None, np.array([1, 2]))
    assert ask(lookup, "A", "First", "Second") == [(FOUND, None, 1)] * 3
    assert lookup.position_of_rows(np.array([1, 2])).tolist() == [0, 0]
