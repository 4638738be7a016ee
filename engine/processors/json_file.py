"""JSON, both ways: a list of objects, one object with a list per entity, or one object a line.

A document that Portage writes is one object: a block ``portage`` (format version, when it was made,
the catalog's digest), a list per entity, and ``portage_counts`` last, because a stream knows only at
its end how many rows it held. Reading checks the counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from engine.catalog.model import Catalog, Entity
from engine.errors import UnreadableFileError
from engine.issues import SCHEMA, Issue, from_issues, gather
from engine.processors.cells import null_issues
from engine.processors.content import file_head, foreign_content
from engine.processors.encoding import FoundEncoding, encoding_issues, find_encoding, known_encoding
from engine.processors.headings import duplicate_issues, unique_columns
from engine.processors.json_rows import Row, Unnester, entity_called, entity_of_keys
from engine.processors.json_stream import COUNTS, METADATA, Item, items, rows_at
from engine.processors.json_text import read_metadata, write_document, write_lines
from engine.processors.json_values import Fault, json_text
from engine.processors.port import ROW, Chunk, Part, ReadOptions, WritePart

COLUMN_LIMIT = 10_000
# Rows as Python objects take ten times the room of the same rows as columns.
_BATCH_ROWS = 5_000
_CHUNK_BATCHES = 20
_SAMPLE_ROWS = 20
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class _Seen:
    """What one pass over a file found of one part."""

    entity: str | None
    place: tuple[int, int] | None = None
    rows: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    sample: list[dict[str, str]] = field(default_factory=list)

    def take(self, row: Row) -> None:
        self.rows += 1
        if not row.cells.keys() <= self.columns.keys():
            self.columns.update(dict.fromkeys(row.cells))
        if len(self.sample) < _SAMPLE_ROWS:
            self.sample.append(row.cells)
        if len(self.columns) > COLUMN_LIMIT:
            message = f"The rows have more than {COLUMN_LIMIT:,} different keys; keys must be names, not values."
            raise UnreadableFileError(message, code="file.too_large")


class JSONProcessor:
    """JSON documents and lines; with a catalog, objects nested in a row become rows of their own entity.

    ``entity`` is the entity of rows that stand in no named list; ``as_lines`` writes one object a line.
    """

    format = "json"
    suffixes: tuple[str, ...] = (".json", ".jsonl", ".ndjson")

    def __init__(self, catalog: Catalog | None = None, entity: str | None = None, *, as_lines: bool = False) -> None:
        self.catalog = catalog
        self.entity = entity
        self.as_lines = as_lines

    def inspect(self, path: Path, options: ReadOptions) -> list[Part]:
        """The parts of the file, from one pass over all of it: any row may have a key of its own."""
        if what := foreign_content(file_head(path, "The file")):
            raise UnreadableFileError(f"The file holds {what}, not JSON; save it as JSON or CSV.")
        encoding = FoundEncoding(known_encoding(options.encoding), True) if options.encoding else find_encoding(path)
        seen: dict[str, _Seen] = {}
        members: dict[str, Any] = {}
        broken: list[str] = []
        for item, rows in self._unnested(items(path, encoding.name)):
            if not item.number:
                members[item.list] = item.value
            elif not rows:
                broken.extend(fault.message for fault in _faults(item, None))
            for row in rows:
                part = seen.setdefault(row.part, _Seen(row.entity, item.place if row.part == item.list else None))
                part.take(row)
        if broken and not seen:
            raise UnreadableFileError(broken[0])
        return self._parts(seen, members, replace(options, encoding=encoding.name), encoding)

    def read(self, path: Path, part: Part) -> Iterator[Chunk]:
        """All rows of one part in file order."""
        encoding = part.options.encoding
        if encoding is None:
            raise ValueError("read a part that inspect answered")
        found = self._unnested(rows_at(path, encoding, part.name, part.place) if part.place else items(path, encoding))
        pairs = (
            (item, row)
            for item, rows in found
            if item.number
            for row in rows or [Row(item.list, None, item.number)]
            if row.part == part.name
        )
        while batches := [_chunk(batch, part) for batch in islice(_batched(pairs), _CHUNK_BATCHES)]:
            yield Chunk(pa.concat_tables(b.rows for b in batches), pa.concat_tables(b.issues for b in batches))

    def write(self, file: BinaryIO, parts: list[WritePart], metadata: dict[str, Any]) -> dict[str, int]:
        """The parts as one document, or the one part as lines."""
        if not self.as_lines:
            return write_document(file, parts, metadata)
        if len(parts) != 1:
            raise ValueError("a file of JSON lines holds one entity")
        return write_lines(file, parts[0])

    def _unnested(self, found: Iterable[Item]) -> Iterator[tuple[Item, list[Row]]]:
        """Each item with the rows it holds; an item that is no object has none."""
        unnester = Unnester(self.catalog)
        entities: dict[str, Entity | None] = {}
        for item in found:
            if not item.number or not isinstance(item.value, dict):
                yield item, []
                continue
            if item.list not in entities:
                entities[item.list] = self._entity_of(item)
            yield item, list(unnester.rows(item.list, entities[item.list], item.number, item.value))

    def _entity_of(self, item: Item) -> Entity | None:
        if self.catalog is None:
            return None
        if item.list:
            return entity_called(self.catalog, item.list)
        if self.entity is not None:
            return self.catalog.entity(self.entity)
        return entity_of_keys(self.catalog, list(item.value))

    def _parts(
        self, seen: dict[str, _Seen], members: dict[str, Any], options: ReadOptions, encoding: FoundEncoding
    ) -> list[Part]:
        metadata = read_metadata(members)
        for name, value in members.items():
            if value == [] and "" not in seen:
                seen.setdefault(name, _Seen(self._named(name)))
        general = [*encoding_issues(encoding), *_member_issues(seen, members), *_lost_issues(seen, metadata)]
        found = [self._part(name, part, metadata, options) for name, part in (seen or {"": _Seen(None)}).items()]
        first = replace(found[0], issues=gather([from_issues(general), found[0].issues or SCHEMA.empty_table()]))
        return [replace(part, certain={"encoding": encoding.certain}) for part in (first, *found[1:])]

    def _part(self, name: str, part: _Seen, metadata: dict[str, Any], options: ReadOptions) -> Part:
        headings = tuple(part.columns)
        columns = unique_columns(headings)
        return Part(
            name=name,
            headings=headings,
            columns=columns,
            entity=part.entity or self._named(name),
            options=options,
            sample=tuple(tuple(cells.get(key) for key in headings) for cells in part.sample),
            metadata=metadata,
            issues=gather([duplicate_issues(headings, columns), from_issues(_count_issues(name, part.rows, metadata))]),
            place=part.place,
        )

    def _named(self, name: str) -> str | None:
        """The entity a list is called after; without a catalog its very name."""
        if self.catalog is None:
            return name or self.entity
        found = entity_called(self.catalog, name) if name else None
        return found.name if found else None


def _member_issues(seen: dict[str, _Seen], members: dict[str, Any]) -> list[Issue]:
    """A warning about members that stand beside the lists of rows and are no rows."""
    beside = [name for name, value in members.items() if value != [] and name not in (METADATA, COUNTS)]
    if not beside or set(seen) <= {""}:
        return []
    message = f"Beside the lists of rows stands {', '.join(beside)[:200]}, which is no list of rows and was not read."
    return [Issue(None, "", None, None, None, "file.unreadable", "warning", message)]


def _count_issues(name: str, rows: int, metadata: dict[str, Any]) -> list[Issue]:
    said = metadata.get("counts", {}).get(name)
    if said is None:
        return (
            []
            if rows
            else [_warning("file.empty", f"The list {name} has no rows." if name else "The file has no rows.")]
        )
    return [] if said == rows else [_lost(name, said, rows)]


def _lost_issues(seen: dict[str, _Seen], metadata: dict[str, Any]) -> list[Issue]:
    return [_lost(name, said, 0) for name, said in metadata.get("counts", {}).items() if name not in seen and said]


def _lost(name: str, said: int, rows: int) -> Issue:
    message = f"The file says that it holds {said} rows of {name}, and it holds {rows}; check that nothing was lost."
    return _warning("file.unreadable", message)


def _warning(code: str, message: str) -> Issue:
    return Issue(None, "", None, None, None, code, "warning", message)


def _faults(item: Item, row: Row | None) -> list[Fault]:
    if row is not None and row.part != item.list:
        return row.faults
    if isinstance(item.value, dict):
        return [*item.faults, *(row.faults if row else ())]
    if item.faults:
        return list(item.faults)
    what = "a list" if isinstance(item.value, list) else "a single value"
    message = f"Row {item.number} is {what} and not an object with a value for each column."
    return [Fault("value.type", None, json_text(item.value)[:200], message)]


def _batched(pairs: Iterator[tuple[Item, Row]]) -> Iterator[list[tuple[Item, Row]]]:
    while batch := list(islice(pairs, _BATCH_ROWS)):
        yield batch


def _chunk(batch: list[tuple[Item, Row]], part: Part) -> Chunk:
    found: list[Issue] = []
    rows: list[Row] = []
    names = dict(zip(part.headings, part.columns, strict=True))
    for item, row in batch:
        for fault in _faults(item, row):
            name = names.get(fault.key) if fault.key else None
            value = _shown(fault.value) if fault.value else fault.value
            found.append(Issue(None, "", row.number, name, value, fault.code, "error", _shown(fault.message)))
        if isinstance(item.value, dict):
            rows.append(row)
    arrays = [_column(rows, heading, names[heading], found) for heading in part.headings]
    numbers = pa.array([row.number for row in rows], pa.int64())
    schema = pa.schema([*((name, pa.string()) for name in part.columns), (ROW, pa.int64())])
    table = pa.table([*arrays, numbers], schema=schema)
    return Chunk(table, gather([from_issues(found), *null_issues(table)]))


def _column(rows: list[Row], heading: str, name: str, found: list[Issue]) -> pa.Array:
    cells = [row.cells.get(heading) for row in rows]
    try:
        return pa.array(cells, pa.string())
    except UnicodeEncodeError:
        return pa.array([_sound(cell, row, name, found) for cell, row in zip(cells, rows, strict=True)], pa.string())


def _sound(cell: str | None, row: Row, name: str, found: list[Issue]) -> str | None:
    """The cell with what is no letter written as an escape, and an issue that says so."""
    if cell is None or not _SURROGATE.search(cell):
        return cell
    text = _shown(cell)
    message = "The cell holds bytes that are no letters in the file's encoding, shown as \\x; mend them."
    found.append(Issue(None, "", row.number, name, text, "file.encoding", "error", message))
    return text


def _shown(text: str) -> str:
    def escape(letter: re.Match[str]) -> str:
        code = ord(letter[0])
        return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"

    return _SURROGATE.sub(escape, text)
