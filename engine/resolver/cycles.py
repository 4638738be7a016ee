"""Finds records that would refer to each other in a circle."""

from __future__ import annotations

import numpy as np


def on_cycle(parent: np.ndarray) -> np.ndarray:
    """Which nodes lie on a circle, where ``parent[i]`` is the node that ``i`` refers to, or -1.

    Nodes nobody refers to are peeled off until only circles are left (Kahn's algorithm).
    """
    alive = parent >= 0
    degree = np.bincount(parent[alive], minlength=len(parent))
    leaves = np.flatnonzero(alive & (degree == 0))
    while len(leaves):
        alive[leaves] = False
        targets = parent[leaves]
        np.subtract.at(degree, targets, 1)
        touched = np.unique(targets)
        leaves = touched[alive[touched] & (degree[touched] == 0)]
    return alive
