"""Finds rows of one batch that share a key, in memory of eight bytes a row.

Hashes find the candidates; only their real keys are then compared. The first row stands; a later one that is
the same in every field is skipped, one that differs is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NO_KEY = np.int64(0)


def hash_keys(columns: Sequence[pa.Array]) -> np.ndarray:
    """An int64 for each key (parts given column by column); 0 where a part is null."""
    texts = [column.cast(pa.string()) for column in columns]
    whole = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\x1f")
    hashes = np.fromiter(map(hash, whole.to_pylist()), np.int64, len(whole))
    hashes[hashes == NO_KEY] = 1
    if whole.null_count:
        hashes[np.asarray(pc.is_null(whole))] = NO_KEY
    return hashes


def shared(hashes: np.ndarray) -> np.ndarray:
    """Positions of the rows whose hash another row has too, ascending."""
    ordered = np.sort(hashes)
    repeated = np.unique(ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != NO_KEY)])
    return np.flatnonzero(np.isin(hashes, repeated)) if len(repeated) else np.zeros(0, np.int64)


def judge(
    positions: np.ndarray, keys: list[str], same: Callable[[int, int], bool]
) -> tuple[dict[int, int], dict[int, int]]:
    """Of candidate rows with their real keys: those that repeat an earlier row, and those that contradict one.

    Both answer {position: position of the row that stands}; ``same(i, j)`` compares candidates ``i`` and ``j``.
    """
    first: dict[str, int] = {}
    repeats: dict[int, int] = {}
    contradictions: dict[int, int] = {}
    for index, key in enumerate(keys):
        stands = first.setdefault(key, index)
        if stands != index:
            target = repeats if same(stands, index) else contradictions
            target[int(positions[index])] = int(positions[stands])
    return repeats, contradictions
