"""What every file format is to the engine: a processor that inspects, reads and writes.

Reading answers *parts*: a CSV file has one (``""``), a JSON file one per entity, a workbook one per
sheet. A part is read as chunks of text columns named by the file's own headings, plus :data:`ROW`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

ROW = "__row"
"""Name of the int64 column that holds row numbers as a spreadsheet shows them (header is row 1)."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user says about a file; None means: find out.

    ``header_row`` is 1-based as a spreadsheet shows it; 0 means the file has no header.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One table found in a file, and how it was found.

    ``headings`` are as they stand in the file, one per column; ``columns`` are the same made unique
    and non-blank ("name", "name (2)", "column 3"), and name the columns of the chunks.
    ``entity`` is the entity the file itself names for it, if any. ``certain`` maps each found option
    to whether it is sure; ``notes`` are sentences for the user.
    """

    name: str
    headings: tuple[str, ...]
    columns: tuple[str, ...]
    entity: str | None = None
    options: ReadOptions = ReadOptions()
    certain: dict[str, bool] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sample: tuple[tuple[str | None, ...], ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    issues: pa.Table | None = None
    place: tuple[int, int] | None = None
    """The byte and the line where its rows begin, where that saves reading the file up to there."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a part: all text, in file order.

    ``rows`` has one string column per ``Part.columns`` and the column :data:`ROW`. A cell that is not
    there at all is null; an empty cell is "". ``issues`` are of :data:`engine.issues.SCHEMA`
    with ``source`` blank and ``entity`` null (the pipeline fills them in); rows they refuse are in
    ``rows`` too, padded or cut to the columns, so that they can be mended in the grid.
    """

    rows: pa.Table
    issues: pa.Table


@dataclass(frozen=True, slots=True)
class WritePart:
    """What is written for one entity: its name, slot names, and text chunks (no :data:`ROW`).

    ``kinds`` maps a column to its :data:`engine.catalog.model.Kind`, so that a format with types writes
    ``1.50`` as a number and not as text; a column without a kind is text.
    """

    entity: str
    columns: tuple[str, ...]
    chunks: Iterator[pa.Table]
    kinds: dict[str, str] = field(default_factory=dict)


class Processor(Protocol):
    """A file format, both ways. Holds no state; never reads a file wholly into memory."""

    format: str
    suffixes: tuple[str, ...]

    def inspect(self, path: Path, options: ReadOptions) -> list[Part]:
        """The parts of the file, from its first stretch. UnreadableFileError where there is none."""
        ...

    def read(self, path: Path, part: Part) -> Iterator[Chunk]:
        """All rows of one part, with the options the part was inspected with."""
        ...

    def write(self, file: BinaryIO, parts: list[WritePart], metadata: dict[str, Any]) -> dict[str, int]:
        """The parts as one file; answers rows written per entity."""
        ...
