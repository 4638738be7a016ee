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

WIDEST = 64
"""Bytes of the longest key that is hashed in words."""


def hash_keys(columns: Sequence[pa.Array]) -> np.ndarray:
    """An int64 for each key (parts given column by column); 0 where a part is null."""
    texts = [column.cast(pa.string()) for column in columns]
    whole = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\x1f")
    hashes = _hash_texts(whole)
    hashes[hashes == NO_KEY] = 1
    if whole.null_count:
        hashes[np.asarray(pc.is_null(whole))] = NO_KEY
    return hashes


def _hash_texts(texts: pa.Array) -> np.ndarray:
    """Hashes of whole columns at once: each text padded to words of eight bytes, the words mixed one after the other.

    The mixing is that of splitmix64 (Steele, Lea and Flood 2014). Words of padding change nothing, so that a text
    hashes alike whatever it is padded to; long texts would be mostly padding, and are hashed one by one.
    """
    lengths = pc.fill_null(pc.binary_length(texts), 0)
    is_long = pc.greater(lengths, WIDEST)
    longest = min(pc.max(lengths).as_py() or 0, WIDEST)
    width = max(8, -(-longest // 8) * 8)
    short = pc.if_else(is_long, "", pc.fill_null(texts, ""))
    padded = pc.ascii_rpad(short, width, padding="\0")
    data = np.frombuffer(padded.buffers()[2], np.uint8, count=len(texts) * width)
    hashes = np.full(len(texts), 1, np.uint64)
    for word in data.reshape(len(texts), width).view(np.uint64).T:
        mixed = (hashes ^ word) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(31)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(29)
        hashes = np.where(word == 0, hashes, mixed)
    found = hashes.view(np.int64)
    if pc.any(is_long).as_py():
        found[np.asarray(is_long)] = [hash(text) for text in texts.filter(is_long).to_pylist()]
    return found


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
