"""Which nodes lie on a circle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.resolver.cycles import on_cycle


@pytest.mark.parametrize(
    ("parent", "circling"),
    [
        ([], []),
        ([-1, -1], []),
        ([0], [0]),
        ([1, 0], [0, 1]),
        ([1, 2, -1], []),
        ([1, 2, 0, 0, 3], [0, 1, 2]),
        ([1, 0, 3, 2, 2, -1], [0, 1, 2, 3]),
    ],
)
def test_only_nodes_on_a_circle_are_named(parent, circling):
    assert np.flatnonzero(on_cycle(np.array(parent, np.int64))).tolist() == circling


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.integers(-1, n - 1), min_size=n, max_size=n)))
def test_a_node_is_on_a_circle_exactly_where_following_it_comes_back(parent):
    def comes_back(start):
        here = parent[start]
        for _ in parent:
            if here in (start, -1):
                break
            here = parent[here]
        return here == start

    assert on_cycle(np.array(parent, np.int64)).tolist() == [comes_back(node) for node in range(len(parent))]
