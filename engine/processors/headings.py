"""From headings as they stand in a file to columns that are unique and not blank."""

from __future__ import annotations

import pyarrow as pa

from engine.issues import Issue, from_issues
from engine.processors.port import ROW


def unique_columns(headings: tuple[str, ...]) -> tuple[str, ...]:
    """One name per heading: ``("id", "", "id")`` answers ``("id", "column 2", "id (2)")``."""
    taken = {ROW, *(heading.strip() for heading in headings)}
    used: set[str] = set()
    columns = []
    for place, heading in enumerate(headings, start=1):
        wanted = heading.strip() or f"column {place}"
        name = wanted
        copy = 2
        while name in used or (name in taken and name != heading.strip()) or name == ROW:
            name = f"{wanted} ({copy})"
            copy += 1
        used.add(name)
        columns.append(name)
    return tuple(columns)


def duplicate_issues(headings: tuple[str, ...], columns: tuple[str, ...]) -> pa.Table:
    """One ``column.duplicate`` for every column whose heading stood already further left."""
    first: dict[str, int] = {}
    found = []
    for place, (heading, column) in enumerate(zip(headings, columns, strict=True), start=1):
        name = heading.strip()
        if name and name in first:
            message = (
                f'The heading "{name}" stands in column {first[name]} and in column {place}, here called "{column}".'
            )
            found.append(Issue(None, "", None, None, heading, "column.duplicate", "error", message))
        first.setdefault(name, place)
    return from_issues(found)
