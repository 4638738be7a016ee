"""What travels between the stages and through the doors: options in, results out, and the batch between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Policy = Literal["skip", "update", "version", "ask"]
POLICIES: tuple[Policy, ...] = ("skip", "update", "version", "ask")

Action = Literal["insert", "update", "version", "skip", "unchanged", "reject"]

BatchStatus = Literal["open", "committed", "discarded"]
Status = Literal["committed", "refused", "planned"]

KEY_SEPARATOR = "\x1f"
"""Joins the parts of a composite key where it has to be one text; shown to people as " / "."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files are read and what happens to records that already exist; None means: find out or ask the catalog.

    ``nulls`` are cell texts that clear a stored value; ``header_row`` is 1-based, 0 means no header;
    ``rebuild_constraints`` drops and rebuilds indexes and references of empty tables inside the
    transaction (PostgreSQL: faster, but the tables are locked meanwhile).
    """

    policy: Policy | None = None
    partial: bool = False
    nulls: tuple[str, ...] = ()
    day_first: bool | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_row: int | None = None
    rebuild_constraints: bool = False


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is taken out, and how: ``where`` holds (field, text) pairs that must all be equal."""

    entities: tuple[str, ...] = ()
    format: str = "csv"
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of an entity end in each action; they add up to ``rows``."""

    rows: int = 0
    insert: int = 0
    update: int = 0
    version: int = 0
    skip: int = 0
    unchanged: int = 0
    reject: int = 0

    @property
    def written(self) -> int:
        """Rows that change the database."""
        return self.insert + self.update + self.version


@dataclass(frozen=True, slots=True)
class IssueCounts:
    """How many issues there are, by severity and by code."""

    error: int = 0
    warning: int = 0
    by_code: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or would do: the same facts through every door."""

    batch: str
    status: Status
    plan: str
    entities: dict[str, Counts]
    issues: IssueCounts
    seconds: float
    issues_file: str | None = None
    remainder: str | None = None
    committed_at: str | None = None


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote: rows per entity, and the files."""

    entities: dict[str, int]
    files: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one sheet or part of it, of a batch: where its bytes are and what they hold.

    ``mapping`` gives the slot of each column that is imported; ``read`` are the options it was read with.
    """

    number: int
    name: str
    part: str
    sha256: str
    size: int
    entity: str | None
    columns: tuple[str, ...]
    mapping: dict[str, str]
    rows: int = 0
    read: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    reading: int = 0
    """How often it was read again with other options."""

    @property
    def title(self) -> str:
        """What it is called in issues: the file's name, and the part where the file has several."""
        return f"{self.name}#{self.part}" if self.part else self.name

    @property
    def staged(self) -> str:
        """The name of its staged rows in the batch's folder, without ending: one for each reading."""
        return f"{self.number}.{self.reading}" if self.reading else str(self.number)


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded act on a batch."""

    number: int
    kind: str
    payload: dict[str, Any]
    user: str
    at: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One import workspace: its sources and the steps taken so far."""

    id: str
    number: int
    status: BatchStatus
    user: str
    created_at: str
    catalog: str
    parent: str | None
    options: ImportOptions
    sources: tuple[Source, ...] = ()
    steps: tuple[Step, ...] = ()
