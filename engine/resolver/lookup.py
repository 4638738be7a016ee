"""What texts answer to which records of one entity: by key, then alias, then display name.

The records are the stored ones and the rows pending in the same batch. A pending row whose key is stored already
is that stored record, and adds its new aliases and name to it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import By
from engine.resolver.suggestions import Suggestion, suggest

FOUND, MISSING, AMBIGUOUS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Names:
    """Records as texts: their keys, display names and aliases (JSON lists), all of one length."""

    keys: pa.Array
    displays: pa.Array
    aliases: pa.Array

    def __len__(self) -> int:
        return len(self.keys)


def no_names(keys: pa.Array) -> Names:
    """Records that answer to their keys alone."""
    nothing = pa.nulls(len(keys), pa.string())
    return Names(keys, nothing, nothing)


@dataclass(frozen=True, slots=True)
class Found:
    """Where each text leads, as arrays of one length.

    ``status`` is FOUND, MISSING or AMBIGUOUS; ``value`` is what is stored for the reference (null
    where only an id that does not exist yet can be), ``pending`` the ``seq`` of the row that will become
    the record (null where it is stored). A null text is FOUND and leads nowhere. ``candidates`` holds
    what several records answer to, ``suggestions`` what an unknown text may have meant.
    """

    status: np.ndarray
    value: pa.Array
    pending: pa.Array
    candidates: dict[str, list[str]]
    suggestions: dict[str, list[Suggestion]]

    def at(self, places: pa.Array) -> Found:
        """The same for some of the texts."""
        return Found(
            self.status[np.asarray(places)],
            self.value.take(places),
            self.pending.take(places),
            self.candidates,
            self.suggestions,
        )


@dataclass(slots=True)
class Lookup:
    """The index of one entity. ``values`` are what a reference stores, nulls for pending rows without an id yet."""

    stored: Names
    values: pa.Array
    pending: Names | None = None
    pending_values: pa.Array | None = None
    pending_seqs: np.ndarray | None = None
    _keys: pa.Array = field(init=False)
    _values: pa.Array = field(init=False)
    _seqs: pa.Array = field(init=False)
    _positions: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """The stored records come first, then the pending rows that are not stored yet, each key once."""
        pending = self.pending or no_names(pa.array([], pa.string()))
        known = pc.index_in(pending.keys, value_set=self.stored.keys, skip_nulls=True)
        is_new = np.asarray(pc.is_null(known)) & np.asarray(pc.is_valid(pending.keys))
        fresh = np.flatnonzero(is_new)
        first = _first_of_each(pending.keys.take(pa.array(fresh)))
        fresh = fresh[first]
        seqs = np.zeros(0, np.int64) if self.pending_seqs is None else self.pending_seqs
        values = self.pending_values if self.pending_values is not None else pa.nulls(len(pending), self.values.type)
        self._keys = pa.concat_arrays([self.stored.keys, pending.keys.take(pa.array(fresh))])
        self._values = pa.concat_arrays([self.values, values.take(pa.array(fresh)).cast(self.values.type)])
        self._seqs = pa.concat_arrays([pa.nulls(len(self.stored), pa.int64()), pa.array(seqs[fresh], pa.int64())])
        found = pc.index_in(pending.keys, value_set=self._keys, skip_nulls=True)
        self._positions = np.asarray(pc.fill_null(found, -1))

    @property
    def size(self) -> int:
        """How many records answer: the stored ones come first, then those to be."""
        return len(self._keys)

    def position_of_rows(self, seqs: np.ndarray) -> np.ndarray:
        """Where the records of pending rows stand among all records."""
        return np.asarray(self._positions[seqs - 1])

    def position_of(self, values: pa.Array, pending: pa.Array | None) -> np.ndarray:
        """Where the records stand that references with these values (or pending rows) lead to; -1 for nowhere."""
        at = pc.index_in(values, value_set=self.values, skip_nulls=True)
        if pending is not None:
            at = pc.coalesce(at, pc.index_in(pending, value_set=self._seqs, skip_nulls=True))
        return np.asarray(pc.fill_null(at, -1))

    def find(self, texts: pa.Array, by: Sequence[By], *, suggestions: int = 0) -> Found:
        """Where each text leads; at most ``suggestions`` of the unknown texts get scored proposals."""
        positions = np.asarray(pc.fill_null(pc.index_in(texts, value_set=self._keys, skip_nulls=True), -1)).copy()
        if "key" not in by:
            positions[:] = -1
        present = np.asarray(pc.is_valid(texts))
        status = np.where(present & (positions < 0), MISSING, FOUND).astype(np.int8)
        candidates: dict[str, list[str]] = {}
        proposals: dict[str, list[Suggestion]] = {}
        if (status == MISSING).any():
            unknown = texts.filter(pa.array(status == MISSING)).unique()
            named = self._named(unknown, by)
            candidates = {text: self._key_texts(places) for text, places in named.items() if len(places) > 1}
            self._settle(texts, status, positions, named)
            lost = [text for text in unknown.to_pylist() if text not in named]
            proposals = self._suggest(lost[:suggestions])
        where = pa.array(positions, mask=positions < 0)
        return Found(status, self._values.take(where), self._seqs.take(where), candidates, proposals)

    def _settle(self, texts: pa.Array, status: np.ndarray, positions: np.ndarray, named: dict[str, list[int]]) -> None:
        known = pa.array(list(named), pa.string())
        single = np.array([places[0] if len(places) == 1 else -1 for places in named.values()], np.int64)
        at = np.asarray(pc.fill_null(pc.index_in(texts, value_set=known, skip_nulls=True), -1))
        hit = (status == MISSING) & (at >= 0)
        positions[hit] = single[at[hit]]
        status[hit] = np.where(single[at[hit]] >= 0, FOUND, AMBIGUOUS)

    def _named(self, texts: pa.Array, by: Sequence[By]) -> dict[str, list[int]]:
        """The records each text names by the first way in which it names any."""
        named: dict[str, list[int]] = {}
        for way in by:
            if way == "key":
                continue
            rest = pa.array([text for text in texts.to_pylist() if text not in named], pa.string())
            named.update(self._by_alias(rest) if way == "alias" else self._by_display(rest))
        return named

    def _by_display(self, texts: pa.Array) -> dict[str, list[int]]:
        found: defaultdict[str, set[int]] = defaultdict(set)
        for names, offset in self._sides():
            for place in np.flatnonzero(
                np.asarray(pc.is_in(names.displays, value_set=texts.drop_null(), skip_nulls=True))
            ):
                found[names.displays[place].as_py()].add(self._position(int(place), offset))
        return _settled(found)

    def _by_alias(self, texts: pa.Array) -> dict[str, list[int]]:
        wanted = set(texts.to_pylist())
        found: defaultdict[str, set[int]] = defaultdict(set)
        for names, offset in self._sides():
            for place, listed in enumerate(names.aliases.to_pylist()):
                for alias in wanted.intersection(_listed(listed)):
                    found[alias].add(self._position(place, offset))
        return _settled(found)

    def _sides(self) -> list[tuple[Names, bool]]:
        return [(self.stored, False), *([(self.pending, True)] if self.pending else [])]

    def _position(self, place: int, is_pending: bool) -> int:
        return int(self._positions[place]) if is_pending else place

    def _key_texts(self, places: list[int]) -> list[str]:
        return sorted(str(text) for text in self._keys.take(pa.array(places)).to_pylist())

    def _suggest(self, texts: list[str]) -> dict[str, list[Suggestion]]:
        if not texts:
            return {}
        keys = self._keys.to_pylist()
        names: list[tuple[str, str]] = [(key, key) for key in keys]
        for side, is_pending in self._sides():
            for place, (display, listed) in enumerate(
                zip(side.displays.to_pylist(), side.aliases.to_pylist(), strict=True)
            ):
                position = self._position(place, is_pending)
                if position >= 0:
                    names.extend((name, keys[position]) for name in [display, *_listed(listed)] if name)
        return suggest(texts, names)


def _settled(found: dict[str, set[int]]) -> dict[str, list[int]]:
    return {text: sorted(place for place in places if place >= 0) for text, places in found.items() if max(places) >= 0}


def _listed(text: str | None) -> list[str]:
    """The aliases of a JSON list; a text another program stored otherwise is one alias."""
    if not text:
        return []
    try:
        listed = json.loads(text)
    except ValueError:
        return [text]
    return [str(item) for item in listed] if isinstance(listed, list) else [text]


def _first_of_each(texts: pa.Array) -> np.ndarray:
    if not len(texts):
        return np.zeros(0, np.int64)
    codes = np.asarray(texts.dictionary_encode().indices)
    return np.unique(codes, return_index=True)[1]
