"""Provisional: CSV only, until JSON lands."""

from __future__ import annotations

from pathlib import Path

from engine.catalog.model import Catalog
from engine.errors import UnreadableFileError
from engine.processors.csv_file import CSVProcessor
from engine.processors.port import Processor


def processor_for(path: Path, name: str, catalog: Catalog | None = None) -> Processor:
    """The processor of a file."""
    if not path.exists():
        raise UnreadableFileError(f"There is no file {path}: check its name.")
    return CSVProcessor()


def processor_of(format: str, catalog: Catalog | None = None) -> Processor:
    """The processor of a format."""
    return CSVProcessor()


processor_named = processor_of
