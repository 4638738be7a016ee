"""The fast reader and the exact one must never differ: neither may tell which of them read a file."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from engine.issues import to_issues
from engine.processors.csv_blocks import _BlockReader, chunks
from engine.processors.records import Dialect

COLUMNS = ("a", "b", "c")
letters = st.text(alphabet='ab ,"\n\r\0é', max_size=60)
lines = st.lists(
    st.lists(
        st.sampled_from(["", "x", "é y", '"q"', '"a,b"', '"a""b"', '"l\n2"', '"l\r\n2"', 'b"c', '"d']), max_size=4
    ),
    max_size=8,
).map(lambda rows: "\n".join(",".join(row) for row in rows))


def found(blocks: list[bytes]) -> tuple[list[dict], list]:
    read = list(chunks(blocks, Dialect(), COLUMNS, 2))
    rows = [row for chunk in read for row in chunk.rows.to_pylist()]
    issues = [issue for chunk in read for issue in to_issues(chunk.issues)]
    return rows, sorted(issues, key=repr)


def found_exactly(data: bytes) -> tuple[list[dict], list]:
    chunk, _ = _BlockReader(Dialect(), COLUMNS, 2)._read_exactly(data, final=True)
    return chunk.rows.to_pylist(), sorted(to_issues(chunk.issues), key=repr)


@given(st.one_of(letters, lines))
@example('"a"\n')
@example("a,b,c\n\n\nd\n")
@example('a,b,c\n"a\r",b,c\n')
@example("a,b,c\r\n\r\nd,e,f")
def test_both_readers_answer_the_same(text):
    assert found([text.encode()]) == found_exactly(text.encode())


@given(st.one_of(letters, lines), st.integers(1, 7))
def test_where_blocks_end_makes_no_difference(text, size):
    data = text.encode()
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    assert found(blocks) == found_exactly(data)


@given(st.binary(max_size=40))
def test_no_bytes_stop_the_reading(data):
    rows, _ = found([data])
    assert [row["__row"] for row in rows] == sorted({row["__row"] for row in rows})
