"""The digest of a plan says what its tables say, however they lie in memory."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.planning.plan import _hash_table

TABLE = pa.table(
    {
        "seq": pa.array([1, 2, None, 4]),
        "after": pa.array(["a", None, "", "Åé"]),
        "nothing": pa.nulls(4, pa.int64()),
        "day": pa.array([1, None, 3, 4], pa.int32()).cast(pa.date32()),
    }
)


def digest(table):
    found = hashlib.sha256()
    _hash_table(found, table)
    return found.hexdigest()


def through_parquet(table, folder):
    pq.write_table(table, folder / "t.parquet")
    return pq.read_table(folder / "t.parquet")


def test_slices_chunks_and_files_of_the_same_rows_have_one_digest(tmp_path):
    twice = pa.concat_tables([TABLE, TABLE])
    assert {
        digest(table)
        for table in (
            TABLE,
            twice.slice(4),
            twice.combine_chunks().slice(4),
            pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]),
            through_parquet(TABLE, tmp_path),
            TABLE.take([0, 1, 2, 3]),
        )
    } == {digest(TABLE)}


@pytest.mark.parametrize(
    "other",
    [
        TABLE.slice(0, 3),
        TABLE.take([1, 0, 2, 3]),
        TABLE.set_column(1, "after", pa.array(["a", "", "", "Åé"])),
        TABLE.set_column(1, "after", pa.array(["", None, "a", "Åé"])),
        TABLE.set_column(0, "seq", pa.array([1, 2, 0, 4])),
        TABLE.rename_columns(["seq", "before", "nothing", "day"]),
    ],
)
def test_other_rows_have_another(other):
    assert digest(other) != digest(TABLE)
