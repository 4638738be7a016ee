"""How answers look to people: counts per entity, issues by code, and the first issues one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING

from engine.cli.door import shown
from engine.model import Counts, IssueCounts

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

FIRST_ISSUES = 20


def draw_table(console: Console, headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> None:
    """A table; its last ``numbers`` columns are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        is_number = place >= len(headings) - numbers
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else shown(str(cell)) for cell in row))
    console.print(table)


def draw_counts(console: Console, entities: Mapping[str, Counts]) -> None:
    """What happens, or happened, to the rows of each entity."""
    headings = ["entity", *(item.name for item in fields(Counts))]
    rows = [(name, *(f"{count:,}" for count in astuple(counts))) for name, counts in entities.items()]
    draw_table(console, headings, rows, numbers=len(headings) - 1)


def draw_issues(console: Console, counts: IssueCounts, issues: pa.Table) -> None:
    """How many issues of which code there are, and the first of them."""
    if not counts.by_code:
        return
    draw_table(console, ["issue", "count"], [(code, f"{count:,}") for code, count in counts.by_code.items()], numbers=1)
    for row in issues.slice(0, FIRST_ISSUES).to_pylist():
        place = row["source"] if row["row_number"] is None else f"{row['source']}:{row['row_number']}"
        console.print(shown(" ".join(filter(None, (place, row["field"], row["message"])))), soft_wrap=True)
    if issues.num_rows > FIRST_ISSUES:
        console.print(f"… and {issues.num_rows - FIRST_ISSUES:,} more: --issues FILE writes them all.")
