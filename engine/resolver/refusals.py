"""Rows are rejected, and their issues made, by their place among the rows of their entity."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.issues import Severity, issue_table
from engine.resolver.rows import REJECTED, SKIPPED, CheckedRows


def reject(rows: CheckedRows, seqs: np.ndarray) -> None:
    """The rows with these numbers are rejected, but for those left out anyway."""
    at = seqs - 1
    rows.fate[at[rows.fate[at] != SKIPPED]] = REJECTED


def row_issues(
    rows: CheckedRows,
    code: str,
    seqs: np.ndarray,
    field: str,
    message: str | pa.Array,
    values: pa.Array | None,
    severity: Severity | None = None,
) -> list[pa.Table]:
    """One issue for each of the rows, in a table of :data:`engine.issues.SCHEMA`; no table where there are no rows."""
    if not len(seqs):
        return []
    issues = issue_table(
        code,
        entity=rows.entity.name,
        source="",
        row_numbers=pa.array(rows.row_numbers[seqs - 1]),
        field=field,
        values=values,
        message=message,
        severity=severity,
    )
    return [issues.set_column(1, "source", rows.source_names(seqs))]
