"""The work the benchmark measures: organizations, products, and orders that name both.

The same arguments write the same bytes. Orders are made a chunk at a time, each chunk from its own
random stream, so memory does not grow with their number and every file agrees on the rows it shares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 200_000
CHANGED = 0.10
NEW = 0.05
BAD = 0.01

CATEGORIES = ("tools", "fasteners", "paint", "garden", "safety")
STATUSES = ("draft", "confirmed", "shipped", "cancelled")
COUNTRIES = ("GB", "DE", "FR", "US", "JP", "BR", "ZA", "IN")
NOTES = (
    "Leave at the gate, ring twice",
    "Call before delivery",
    "Pallet on the left of the yard",
    'Marked "fragile" on every side',
    "Entrée du dépôt, quai numéro 4",
    "First floor\nsecond door on the right",
    "Deliver with the standing order",
    "",
)
BAD_KINDS = ("value.type", "reference.missing", "value.choice", "value.missing")


@dataclass(frozen=True, slots=True)
class Workload:
    """The files of one run and how many rows each has; ``bad`` counts the rows of ``order_bad`` with an issue."""

    organization: Path
    product: Path
    order: Path
    order_changed: Path
    order_bad: Path
    orders: int
    changed: int
    new: int
    bad: int


def generate(
    folder: Path,
    *,
    orders: int = 1_000_000,
    organizations: int = 20_000,
    products: int = 20_000,
    seed: int = 20_260_331,
) -> Workload:
    """All five files are in ``folder``; an order takes about 100 bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Workload(
        organization=folder / "organization.csv",
        product=folder / "product.csv",
        order=folder / "order.csv",
        order_changed=folder / "order_changed.csv",
        order_bad=folder / "order_bad.csv",
        orders=orders,
        changed=_every(orders, CHANGED),
        new=int(orders * NEW),
        bad=_every(orders, BAD),
    )
    _write(work.organization, [_organizations(organizations, seed)])
    _write(work.product, [_products(products, seed)])
    sizes = (organizations, products)
    with work.order.open("wb") as first, work.order_changed.open("wb") as changed, work.order_bad.open("wb") as bad:
        for chunk in _orders(0, orders, sizes, seed):
            header = chunk.start == 0
            _append(first, chunk.table, header)
            _append(changed, _with_changes(chunk), header)
            _append(bad, _with_bad_rows(chunk), header)
        for chunk in _orders(orders, work.new, sizes, seed):
            _append(changed, chunk.table, header=False)
    return work


@dataclass(frozen=True, slots=True)
class _Orders:
    start: int
    table: pa.Table


def _every(count: int, share: float) -> int:
    """How many of ``count`` rows are hit when every (1/share)th is, from the first."""
    step = round(1 / share)
    return -(-count // step)


def _organizations(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng([seed, 1])
    number = np.arange(count)
    return pa.table(
        {
            "code": _codes("ORG-", number, 5),
            "name": _joined("Company number ", number.astype(str)),
            "country": _picked(COUNTRIES, random.integers(0, len(COUNTRIES), count)),
        }
    )


def _products(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng([seed, 2])
    number = np.arange(count)
    return pa.table(
        {
            "sku": _codes("", number, 8),
            "name": _joined("Article number ", number.astype(str)),
            "category": _picked(CATEGORIES, random.integers(0, len(CATEGORIES), count)),
            "unit_price": _money(random.integers(50, 100_000, count)),
        }
    )


def _orders(first: int, count: int, sizes: tuple[int, int], seed: int) -> Iterator[_Orders]:
    for start in range(first, first + count, CHUNK):
        yield _Orders(start, _order_chunk(start, min(CHUNK, first + count - start), sizes, seed))


def _order_chunk(start: int, count: int, sizes: tuple[int, int], seed: int) -> pa.Table:
    random = np.random.default_rng([seed, 3, start])
    number = np.arange(start, start + count)
    ordered = np.datetime64("2019-01-01") + random.integers(0, 2_500, count)
    shipped = ordered + random.integers(0, 30, count)
    is_shipped = random.random(count) < 0.9
    return pa.table(
        {
            "order_no": _codes("SO-", number, 8),
            "customer": _codes("ORG-", random.integers(0, sizes[0], count), 5),
            "product": _codes("", random.integers(0, sizes[1], count), 8),
            "ordered_on": _dates(ordered),
            "shipped_on": _dates(shipped, is_shipped),
            "status": _picked(STATUSES, random.integers(0, len(STATUSES), count)),
            "quantity": pa.array(random.integers(1, 500, count).astype(str)),
            "unit_price": _money(random.integers(50, 100_000, count)),
            "note": _picked(NOTES, random.integers(0, len(NOTES), count)),
        }
    )


def _with_changes(chunk: _Orders) -> pa.Table:
    """Every tenth order has another quantity and note."""
    is_changed = _hit(chunk, CHANGED)
    quantity = pc.add(pc.cast(chunk.table["quantity"], pa.int64()), 500)
    table = _replaced(chunk.table, "quantity", is_changed, pc.cast(quantity, pa.string()))
    return _replaced(table, "note", is_changed, pa.scalar("Changed since the first load, see the letter"))


def _with_bad_rows(chunk: _Orders) -> pa.Table:
    """Every hundredth order has one bad cell, of the four kinds in turn; each wrong reference another."""
    kind = pa.array(np.arange(chunk.start, chunk.start + len(chunk.table)) // round(1 / BAD) % len(BAD_KINDS))
    bad = {
        "ordered_on": pa.scalar("2025-02-30"),
        "customer": pc.replace_substring(chunk.table["customer"], "-", ""),
        "status": pa.scalar("lost"),
        "quantity": pa.scalar(""),
    }
    table = chunk.table
    for number, (column, cells) in enumerate(bad.items()):
        table = _replaced(table, column, pc.and_(_hit(chunk, BAD), pc.equal(kind, number)), cells)
    return table


def _hit(chunk: _Orders, share: float) -> pa.Array:
    number = np.arange(chunk.start, chunk.start + len(chunk.table))
    return pa.array(number % round(1 / share) == 0)


def _replaced(table: pa.Table, column: str, mask: pa.Array, by: pa.Array | pa.Scalar) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pc.if_else(mask, by, table[column]))


def _codes(prefix: str, number: np.ndarray, digits: int) -> pa.Array:
    return _joined(prefix, pc.utf8_lpad(pa.array(number).cast(pa.string()), digits, "0"))


def _joined(prefix: str, text: np.ndarray | pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(prefix), pa.array(text, pa.string()), "")


def _picked(values: tuple[str, ...], index: np.ndarray) -> pa.Array:
    return pa.array(values).take(pa.array(index))


def _dates(days: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    text = pa.array(days.astype("datetime64[D]")).cast(pa.string())
    return text if present is None else pc.if_else(pa.array(present), text, "")


def _money(cents: np.ndarray) -> pa.Array:
    text = pc.utf8_lpad(pa.array(cents).cast(pa.string()), 3, "0")
    whole = pc.utf8_slice_codeunits(text, 0, -2)
    return pc.binary_join_element_wise(whole, pc.utf8_slice_codeunits(text, -2), ".")


def _write(path: Path, tables: list[pa.Table]) -> None:
    with path.open("wb") as file:
        for index, table in enumerate(tables):
            _append(file, table, header=index == 0)


def _append(file: BinaryIO, table: pa.Table, header: bool) -> None:
    """The rows are written with only those cells quoted that need it, as most programs do."""
    if header:
        file.write((",".join(table.column_names) + "\n").encode())
    cells = [_quoted(column.combine_chunks()) for column in table]
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, ","), "", "\n")
    _, offsets, data = lines.buffers()
    file.write(memoryview(data)[: np.frombuffer(offsets, np.int32)[len(lines)]])


def _quoted(column: pa.Array) -> pa.Array:
    """The cells with a comma, quote or line break in quotes; each distinct note is looked at once."""
    words = column.dictionary_encode()
    texts = words.dictionary.to_pylist() if len(words.dictionary) <= len(NOTES) + 1 else []
    if not any(set(text) & set(',"\n') for text in texts):
        return column
    quoted = ['"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text for text in texts]
    return pa.array(quoted).take(words.indices)


if __name__ == "__main__":
    made = generate(Path(sys.argv[1]), orders=int(sys.argv[2]))
    counts = {"orders": made.orders, "changed": made.changed, "new": made.new, "bad": made.bad}
    print(json.dumps(counts | {"bad_codes": BAD_KINDS}))
