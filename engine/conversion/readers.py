"""Which texts of each kind are read as whole columns, and who reads the cells that are left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Field
from engine.catalog.text import arrow_type
from engine.conversion.cells import FALSE, TRUE, read_boolean, read_json, read_list, read_uuid
from engine.conversion.date_cells import read_date, read_datetime, read_time
from engine.conversion.number_cells import read_decimal, read_float, read_integer


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind is read. Cells that match ``guard`` mean what ``cast`` makes of them; ``cell`` reads any other.

    ``attempt`` answers the whole column where that needs no guard, else None. A null guard sends every cell
    to ``cell``. ``example`` stands in messages where the catalog gives none.
    """

    type: pa.DataType
    cell: Callable[[str], Any]
    example: str
    guard: str | None = None
    cast: Callable[[pa.Array], pa.Array] | None = None
    attempt: Callable[[pa.Array], pa.Array | None] | None = None


# Days that every year has; 29 February and impossible days are left to the cell reader.
_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
# Without the first and last year, which a zone may carry over the edge.
_INNER_YEAR = "(?:000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-5]):?[0-5][0-9])"
# Up to 17 digits: no more than a double tells apart.
_FLOAT = "|".join(["[0-9]{1,15}", *(rf"[0-9]{{1,{count}}}\.[0-9]{{1,{17 - count}}}" for count in range(1, 16))])


def reader_of(field: Field, day_first: bool | None) -> Reader:
    """The reader of a field of any kind but text and reference."""
    kind = arrow_type(field)
    match field.kind:
        case "integer":
            return Reader(kind, read_integer, "42", "^-?[0-9]{1,18}$", partial(pc.cast, target_type=kind))
        case "decimal":
            return _decimal_reader(kind)
        case "float":
            guard = rf"^[+-]?(?:{_FLOAT})(?:[eE][+-]?[0-9]{{1,2}})?$"
            return Reader(kind, read_float, "3.14", guard, partial(pc.cast, target_type=kind))
        case "boolean":
            return Reader(kind, read_boolean, "true", f"^(?i:{'|'.join(TRUE + FALSE)})$", _is_true)
        case "date":
            cell = partial(read_date, day_first=day_first)
            return Reader(kind, cell, "2026-03-31", f"^{_YEAR}-{_DAY}$", partial(pc.cast, target_type=kind), _all_dates)
        case "datetime":
            guard = f"^{_INNER_YEAR}-{_DAY}[T ]{_CLOCK}{_ZONE}?$"
            return Reader(kind, read_datetime, "2026-03-31T12:00:00Z", guard, _cast_datetimes)
        case "time":
            return Reader(kind, read_time, "12:00:00", f"^{_CLOCK}$", _cast_times)
        case "uuid":
            guard = "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
            return Reader(kind, read_uuid, "123e4567-e89b-42d3-a456-426614174000", guard, _as_it_is)
        case "json":
            return Reader(kind, read_json, '{"size":3}')
        case "list":
            return Reader(kind, read_list, '["first","second"]')
        case _:
            raise ValueError(f"no reader for kind {field.kind}")


def _decimal_reader(kind: pa.DataType) -> Reader:
    before = f"[0-9]{{1,{kind.precision - kind.scale}}}" if kind.precision > kind.scale else "0"
    after = rf"(?:\.[0-9]{{1,{kind.scale}}})?" if kind.scale else ""
    cell = partial(read_decimal, precision=kind.precision, scale=kind.scale)
    return Reader(kind, cell, "12.50", f"^[+-]?{before}{after}$", partial(pc.cast, target_type=kind))


def _as_it_is(texts: pa.Array) -> pa.Array:
    return texts


def _is_true(texts: pa.Array) -> pa.Array:
    words = pc.utf8_lower(texts)
    return pc.if_else(pc.is_valid(words), pc.is_in(words, pa.array(TRUE)), pa.scalar(None, pa.bool_()))


def _all_dates(texts: pa.Array) -> pa.Array | None:
    """All of them as dates, if all are year-month-day; Arrow's own parser takes nothing else but the year 0000."""
    try:
        days = pc.cast(texts, pa.date32())
    except pa.ArrowInvalid:
        return None
    earliest = pc.min(days.cast(pa.int32())).as_py()
    return days if earliest is None or earliest >= _FIRST_DAY else None


_FIRST_DAY = -719162
"""0001-01-01 counted from 1970-01-01."""


def _cast_datetimes(texts: pa.Array) -> pa.Array:
    in_utc = pa.timestamp("us", tz="UTC")
    is_zoned = pc.match_substring_regex(texts, "^.{16}[0-9:.]*[Z+-]")
    if not pc.any(pc.invert(is_zoned)).as_py():
        return pc.cast(texts, in_utc)
    return pc.cast(pc.if_else(is_zoned, texts, pc.binary_join_element_wise(texts, "Z", "")), in_utc)


def _cast_times(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.binary_join_element_wise("1970-01-01 ", texts, ""), pa.timestamp("us")).cast(pa.time64("us"))
