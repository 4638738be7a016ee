"""Which processor reads a file: by what it holds, then by how it is called."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from engine.catalog.model import Catalog
from engine.errors import UnreadableFileError, UsageError
from engine.processors.content import file_head, foreign_content, wide_encoding
from engine.processors.csv_file import CSVProcessor
from engine.processors.json_file import JSONProcessor
from engine.processors.port import Processor

FORMATS = ("csv", "json", "jsonl")
_JSON_START = re.compile(r"\s*(?:\[\s*[{\[\"\]\d,-]|\[\s*\Z|\{\s*[\"}]|\{\s*\Z)")
_JSON_SURE = re.compile(r"\s*(?:\[\s*\{\s*\"|\{\s*\"[^\"]*\"\s*:)")


def processor_for(path: Path, name: str, catalog: Catalog | None = None, entity: str | None = None) -> Processor:
    """The processor for a file that was called ``name``; UnreadableFileError where there is none.

    ``entity`` is what the user says the file holds; nested records are understood from it.
    """
    head = file_head(path, name)
    suffix = PurePath(name).suffix.lower()
    if what := foreign_content(head):
        said = f", although it is called {suffix}" if suffix in CSVProcessor.suffixes + JSONProcessor.suffixes else ""
        raise UnreadableFileError(f"{name} holds {what}{said}; Portage reads CSV and JSON.")
    if suffix in JSONProcessor.suffixes or _looks_like_json(head, suffix):
        return JSONProcessor(catalog, entity)
    if suffix in CSVProcessor.suffixes or not suffix:
        return CSVProcessor()
    raise UnreadableFileError(f"{name} is of a format Portage does not know; save it as CSV or JSON.")


def _looks_like_json(head: bytes, suffix: str) -> bool:
    start = _JSON_SURE if suffix in CSVProcessor.suffixes else _JSON_START
    text = head.decode(_encoding(head), "replace").removeprefix("\ufeff")
    return start.match(text) is not None


def _encoding(head: bytes) -> str:
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else wide_encoding(head) or "utf-8"


def processor_named(format: str, catalog: Catalog | None = None) -> Processor:
    """The processor that writes ``csv``, ``json`` or ``jsonl``; UsageError for any other name."""
    match format:
        case "csv":
            return CSVProcessor()
        case "json":
            return JSONProcessor(catalog)
        case "jsonl":
            return JSONProcessor(catalog, as_lines=True)
    raise UsageError(f'"{format}" is not a format Portage writes; use one of {", ".join(FORMATS)}.')
