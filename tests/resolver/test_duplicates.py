"""Rows of one batch that share a key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.resolver.duplicates import hash_keys, judge, shared

texts = st.one_of(
    st.none(), st.text(max_size=20), st.sampled_from(["", "a", "aé", "x" * 8, "x" * 9, "x" * 64, "x" * 65, "x" * 200])
)


@given(st.lists(texts, max_size=20), st.integers(0, 20))
def test_equal_keys_hash_alike_in_any_chunk_and_different_ones_are_told_apart(keys, cut):
    whole = hash_keys([pa.array(keys, pa.string())])
    parts = [hash_keys([pa.array(part, pa.string())]) for part in (keys[:cut], keys[cut:])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert [h == 0 for h in whole] == [key is None for key in keys]
    assert len(set(whole.tolist())) == len(set(keys))


def test_the_parts_of_a_composite_key_are_kept_apart_and_none_may_be_missing():
    first, second = pa.array(["a", "ab", "a", None]), pa.array(["bc", "c", "bc", "bc"])
    hashes = hash_keys([first, second])
    assert (hashes[0] == hashes[2], hashes[0] == hashes[1], hashes[3]) == (True, False, 0)


def test_only_rows_that_share_a_hash_are_candidates_and_rows_without_a_key_never():
    assert shared(np.array([5, 0, 7, 5, 0, 9, 7])).tolist() == [0, 2, 3, 6]
    assert shared(np.array([1, 2, 3])).tolist() == []


def test_the_first_row_stands_and_later_ones_repeat_or_contradict_it():
    rows = ["one", "one", "two", "other", "one"]
    repeats, contradictions = judge(
        np.array([3, 5, 6, 8, 9]), ["k", "k", "k", "collided", "k"], lambda i, j: rows[i] == rows[j]
    )
    assert (repeats, contradictions) == ({5: 3, 9: 3}, {6: 3})
