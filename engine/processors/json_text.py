"""Text columns as JSON, one row a line: numbers, booleans and lists as such where the kinds say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from engine.errors import UnreadableFileError
from engine.processors.json_stream import COUNTS, METADATA
from engine.processors.json_values import Decoder, json_text
from engine.processors.port import WritePart

FORMAT = 1
_BATCH = 20_000
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def read_metadata(members: dict[str, Any]) -> dict[str, Any]:
    """The block ``portage`` of a document with its counts as whole numbers; UnreadableFileError if it is too new."""
    block = members.get(METADATA)
    counts = members.get(COUNTS)
    if not isinstance(block, dict):
        return {}
    found = {key: int(value) if _is_whole(value) else value for key, value in block.items()}
    if isinstance(found.get("format"), int) and found["format"] > FORMAT:
        raise UnreadableFileError("The file was written by a newer Portage; use that one, or export again.")
    said = {**block.get("counts", {}), **(counts if isinstance(counts, dict) else {})}
    return {**found, "counts": {name: int(count) for name, count in said.items() if _is_whole(count)}}


def _is_whole(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19


def write_document(file: BinaryIO, parts: list[WritePart], metadata: dict[str, Any]) -> dict[str, int]:
    """One object: the metadata first, a list of rows per entity, the counts last."""
    members: list[bytes] = [b'\n"portage": ' + orjson.dumps({"format": FORMAT, **metadata})] if metadata else []
    file.write(b"{" + b"".join(members))
    counts: dict[str, int] = {}
    comma = b"," if metadata else b""
    for part in parts:
        file.write(comma + b"\n" + orjson.dumps(part.entity) + b": [")
        counts[part.entity] = _write_rows(file, part, b"\n", b",\n")
        file.write(b"\n]")
        comma = b","
    if metadata:
        file.write(comma + b'\n"portage_counts": ' + orjson.dumps(counts))
    file.write(b"\n}\n")
    return counts


def write_lines(file: BinaryIO, part: WritePart) -> dict[str, int]:
    """One object a line."""
    count = _write_rows(file, part, b"", b"\n")
    if count:
        file.write(b"\n")
    return {part.entity: count}


def _write_rows(file: BinaryIO, part: WritePart, first: bytes, between: bytes) -> int:
    count = 0
    for chunk in part.chunks:
        for batch in chunk.select(list(part.columns)).to_batches(max_chunksize=_BATCH):
            if batch.num_rows:
                file.write((between if count else first) + between.join(_rows(batch, part)))
                count += batch.num_rows
    return count


def _rows(batch: pa.RecordBatch, part: WritePart) -> Iterator[bytes]:
    columns = [_values(batch.column(name).to_pylist(), part.kinds.get(name, "text")) for name in part.columns]
    for row in zip(*columns, strict=True):
        yield orjson.dumps(dict(zip(part.columns, row, strict=True)))


def _values(cells: list[str | None], kind: str) -> list[Any]:
    make = _MAKERS.get(kind)
    return [make(cell) if cell else cell for cell in cells] if make else cells


def _number(cell: str) -> Any:
    return orjson.Fragment(cell) if _NUMBER.fullmatch(cell) else cell


def _boolean(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell, cell)


def _json(cell: str) -> Any:
    """The cell's object or list; a cell that holds no sound one stays a string."""
    decoder = Decoder()
    try:
        value, end = decoder.decode(cell, 0)
        text = json_text(value).encode()
    except (JSONDecodeError, RecursionError, UnicodeEncodeError):
        return cell
    is_sound = isinstance(value, (dict, list)) and end == len(cell) and not decoder.faults
    return orjson.Fragment(text) if is_sound else cell


_MAKERS: dict[str, Callable[[str], Any]] = {
    "integer": _number,
    "decimal": _number,
    "float": _number,
    "boolean": _boolean,
    "list": _json,
    "json": _json,
}
