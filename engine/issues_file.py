"""Issues as a file: CSV or JSON by its ending, with the columns of :data:`engine.issues.SCHEMA`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pc_csv

from engine.errors import UsageError
from engine.issues import SCHEMA
from engine.whole_files import appearing

ENDINGS = (".csv", ".json")
ROWS = 20_000


def check_name(file: Path) -> None:
    """UsageError where the ending is neither of the two, or nothing of that name can stand there."""
    if file.suffix.lower() not in ENDINGS:
        raise UsageError(f"{file} must end in .csv or .json, so that it is known how to write the issues.")
    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file for the issues.")
    if not file.parent.is_dir():
        raise UsageError(f"There is no folder {file.parent} for the issues: make it, or name another.")


def write_issues(issues: pa.Table, file: Path) -> None:
    """All issues stand in ``file``, the errors first, then by file and row."""
    check_name(file)
    ordered = in_order(issues)
    with appearing(file.parent, [file.name]) as places, places[file.name].open("wb") as sink:
        if file.suffix.lower() == ".csv":
            sink.write(f"{','.join(SCHEMA.names)}\n".encode())
            pc_csv.write_csv(ordered, sink, pc_csv.WriteOptions(include_header=False, quoting_style="needed"))
        else:
            _write_json(ordered, sink)


def in_order(issues: pa.Table) -> pa.Table:
    """The errors first, then by file and row."""
    order = [("severity", "ascending"), ("source", "ascending"), ("row_number", "ascending")]
    return issues.select(SCHEMA.names).sort_by(order)


def _write_json(issues: pa.Table, sink: BinaryIO) -> None:
    sink.write(b"[")
    separator = ""
    for batch in issues.to_batches(max_chunksize=ROWS):
        for row in batch.to_pylist():
            sink.write(f"{separator}\n{json.dumps(row, ensure_ascii=False)}".encode())
            separator = ","
    sink.write(b"\n]\n")
