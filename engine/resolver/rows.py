"""The checked rows of one entity: typed values on disk, and what memory must know of every row.

Columns of the file, besides one per field present: :data:`SEQ` (the row's place among all rows of the entity, from
1), :data:`SOURCE`, :data:`ROW_NUMBER`, :data:`CLEAR`. A reference has its stored value under its
field's name and, where the record it names has no id yet, the ``seq`` of that row under :func:`pending_column`. A
reference that is linked after insertion has its text under :func:`late_column` instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from engine.catalog.model import Entity
from engine.dialects.port import SEQ

SOURCE = "->source"
ROW_NUMBER = "->row"
CLEAR = "->clear"
"""Names of the fields an explicit token clears in the row, each between commas; null where there is none."""

MARKS = (SEQ, SOURCE, ROW_NUMBER, CLEAR)

CANDIDATE, REJECTED, SKIPPED = 0, 1, 2


def pending_column(name: str) -> str:
    """Where a reference names a row that has no id yet."""
    return f"{name}->pending"


def late_column(name: str) -> str:
    """Where the text of a reference waits that is linked after insertion."""
    return f"{name}->text"


@dataclass(frozen=True, slots=True)
class Span:
    """The rows ``first`` to ``last`` (``seq``, inclusive) came from one source, which holds these ``fields``."""

    source: int
    name: str
    first: int
    last: int
    fields: frozenset[str]


@dataclass(slots=True)
class CheckedRows:
    """All rows of one entity in a batch. ``fate[seq - 1]`` is CANDIDATE, REJECTED or SKIPPED."""

    entity: Entity
    path: str
    schema: pa.Schema
    present: frozenset[str]
    spans: list[Span] = field(default_factory=list)
    fate: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    row_numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    links: dict[str, pa.Table] = field(default_factory=dict)
    """Per late reference: a table (SEQ, value, pending) of the rows that have one."""
    has_clears: bool = False
    digest: str = ""
    """Of what the references lead to: all that the rows do not take from their sources and the steps."""
    pending_references: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Rows of the entity, whatever became of them."""
        return len(self.fate)

    def place(self, seq: int) -> tuple[str, int]:
        """The source's name and the row number of a row."""
        span = next(s for s in self.spans if s.first <= seq <= s.last)
        return span.name, int(self.row_numbers[seq - 1])

    def source_names(self, seqs: np.ndarray) -> pa.Array:
        """The source's name of each row."""
        bounds = np.array([span.first for span in self.spans])
        at = np.searchsorted(bounds, seqs, side="right") - 1
        return pa.array([span.name for span in self.spans], pa.string()).take(pa.array(at))


@dataclass(frozen=True, slots=True)
class Checked:
    """What the resolver hands on: the rows of every entity in dependency order, and all issues so far."""

    rows: dict[str, CheckedRows]
    issues: pa.Table
    late: frozenset[tuple[str, str]]
    basis: str = ""
    """Digest of what the rows were made from: the bytes of the files, the steps, the options and the catalog."""
