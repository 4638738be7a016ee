"""How values of a field look: their Arrow type, and their one canonical text.

The canonical text of a value converts back to the same value, on every format and database; it is what
exports write and what before and after are shown as.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Field
from engine.catalog.values import parse

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "uuid": pa.string(),
    "json": pa.string(),
    "list": pa.string(),
    "reference": pa.string(),
}


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type a converted column of ``field`` has; a decimal of no stated precision is (38, 10)."""
    if field.kind != "decimal":
        return _TYPES[field.kind]
    precision = 38 if field.precision is None else field.precision
    scale = (10 if field.precision is None else 0) if field.scale is None else field.scale
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(min(precision, 76), scale)


def to_text(column: pa.ChunkedArray | pa.Array, field: Field) -> pa.Array:
    """Canonical text of typed values, nulls kept: ``12.50``, ``true``, ``2026-03-31``, ``2026-03-31T12:00:00Z``."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_decimal(values.type):
        texts = _decimal_text(values.cast(arrow_type(field)) if field.kind == "decimal" else values)
        return texts if field.scale is not None else _without_zeros(texts)
    if pa.types.is_timestamp(values.type):
        return _datetime_text(values)
    if pa.types.is_time(values.type):
        return _without_zero_fraction(values.cast(pa.time64("us")).cast(pa.string()))
    return values.cast(pa.string())


def default_value(field: Field) -> pa.Array:
    """The field's default as a column of one value, in the form a converted column has; ValueError where it is none."""
    text = str(field.default)
    value = parse(field, text)
    if isinstance(value, datetime):
        value = value.astimezone(UTC)  # once pandera is imported, Arrow drops any other offset
    if field.kind in ("json", "list"):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=field.kind == "json")
    return pa.array([str(value) if field.kind == "uuid" else value], arrow_type(field))


def _decimal_text(values: pa.Array) -> pa.Array:
    texts = values.cast(pa.string())
    # Arrow writes small numbers as 1E-8.
    if not pc.any(pc.match_substring(texts, "E")).as_py():
        return texts
    return pa.array([None if value is None else format(value, "f") for value in values.to_pylist()], pa.string())


def _without_zeros(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring(texts, "."), pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), "."), texts)


def _datetime_text(values: pa.Array) -> pa.Array:
    in_utc = values.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us"))
    texts = pc.replace_substring(in_utc.cast(pa.string()), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(_without_zero_fraction(texts), "Z", "")


def _without_zero_fraction(texts: pa.Array) -> pa.Array:
    if pc.all(pc.ends_with(texts, ".000000")).as_py():
        return pc.utf8_slice_codeunits(texts, 0, -7)
    return pc.replace_substring_regex(texts, r"\.?0{1,6}$|(\.[0-9]*[1-9])0+$", r"\1")
