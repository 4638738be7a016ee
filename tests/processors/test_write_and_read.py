"""What is written is read back as the same text, in every format."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.processors.csv_file import CSVProcessor
from engine.processors.json_file import JSONProcessor
from engine.processors.port import ROW, ReadOptions, WritePart
from engine.processors.registry import processor_named

CELLS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.text(alphabet="a1 ,;\"'\n\r\t|\ufeff=+-@é", max_size=8),
)
ROWS = st.lists(st.tuples(st.integers(0, 999).map(str), CELLS, CELLS), min_size=1, max_size=6)
NAMES = ("key", "a", "b")


def part_of(rows: list[tuple], columns: tuple[str, ...] = NAMES, **kinds: str) -> WritePart:
    arrays = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)] or [pa.array([], pa.string())] * len(
        columns
    )
    table = pa.table(arrays, names=list(columns))
    half = table.num_rows // 2
    return WritePart("thing", columns, iter([table.slice(0, half), table.slice(half)]), kinds)


def written(format: str, part: WritePart, metadata: dict | None = None) -> bytes:
    file = io.BytesIO()
    counts = processor_named(format).write(file, [part], metadata or {})
    assert list(counts) == ["thing"]
    return file.getvalue()


def read_back(format: str, content: bytes, options: ReadOptions) -> list[tuple]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(content)
        processor = processor_named(format)
        (part,) = processor.inspect(path, options)
        rows: list[tuple] = []
        for chunk in processor.read(path, part):
            assert chunk.issues.num_rows == 0
            rows.extend(tuple(row[name] for name in part.columns) for row in chunk.rows.drop_columns([ROW]).to_pylist())
        return rows


def as_read(rows: list[tuple]) -> list[tuple]:
    """A null is written as a blank cell, and reads as one."""
    return [tuple(cell or "" for cell in row) for row in rows]


@given(ROWS)
@example([("1", "\r", '"'), ("2", " x ", "\ufeff"), ("3", None, "")])
@example([("1", "sep=;", "'")])
def test_csv_gives_back_what_it_was_given(rows):
    options = ReadOptions(encoding="utf-8", delimiter=",", quote='"', header_row=1)
    assert read_back("csv", written("csv", part_of(rows)), options) == as_read(rows)


@pytest.mark.parametrize("format", ["json", "jsonl"])
@given(rows=ROWS)
def test_json_gives_back_what_it_was_given(format, rows):
    assert read_back(format, written(format, part_of(rows)), ReadOptions()) == as_read(rows)


@given(st.lists(st.tuples(CELLS.filter(lambda cell: (cell or "").strip())), min_size=1, max_size=5))
def test_a_single_column_gives_back_what_it_was_given(rows):
    options = ReadOptions(encoding="utf-8", delimiter=",", quote='"', header_row=1)
    assert read_back("csv", written("csv", part_of(rows, ("key",))), options) == rows


def test_csv_is_quoted_only_where_it_must_be():
    rows = [("1", "a b", None), ("2", 'x,"y"', "l\nm"), ("3", " é;", "")]
    assert written("csv", part_of(rows)).decode() == 'key,a,b\n1,a b,\n2,"x,""y""","l\nm"\n3, é;,\n'
    assert written("csv", part_of([], ("sep=", "a,b"))) == b'"sep=","a,b"\n'


def test_json_has_types_where_the_kinds_say_so():
    kinds = {"n": "integer", "d": "decimal", "b": "boolean", "l": "list", "j": "json", "t": "text"}
    rows = [("12", "1.50", "true", '["a"]', '{"x": 1.50}', "5"), ("007", "n/a", "yes", "a; b", "[1,", None)]
    text = written("json", part_of(rows, tuple(kinds), **kinds)).decode()
    assert text == (
        '{\n"thing": [\n'
        '{"n":12,"d":1.50,"b":true,"l":["a"],"j":{"x": 1.50},"t":"5"},\n'
        '{"n":"007","d":"n/a","b":"yes","l":"a; b","j":"[1,","t":null}\n'
        "]\n}\n"
    )


@pytest.mark.parametrize("kind", ["integer", "decimal", "float", "boolean", "list", "json"])
@given(
    cells=st.lists(
        st.one_of(
            st.sampled_from(
                ["", "true", "[]", "{}", "null", '"a"', "1.50", "1e5", "-0", "[1, 2.50]", '{"a": [null]}', "NaN"]
            ),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
        ),
        min_size=1,
    )
)
def test_types_change_no_text(kind, cells):
    rows = [(str(n), cell) for n, cell in enumerate(cells)]
    content = written("jsonl", part_of(rows, ("key", "v"), v=kind))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(content)
        (part,) = JSONProcessor().inspect(path, ReadOptions())
        found = [row for chunk in JSONProcessor().read(path, part) for row in chunk.rows.to_pylist()]
    assert [row.get("v") for row in found if "v" in row] or all(cell == '{"a": [null]}' for cell in cells)
    for cell, row in zip(cells, found, strict=True):
        assert row.get("v") == cell or json.loads(cell) == {"a": [None]} or _same_json(cell, row["v"])


def _same_json(one: str, other: str) -> bool:
    return json.loads(one) == json.loads(other)


def test_a_document_says_what_it_holds():
    content = written("json", part_of([("1", "x", None)]), {"made_at": "2026-03-31T00:00:00Z", "catalog": "abc"})
    assert json.loads(content) == {
        "portage": {"format": 1, "made_at": "2026-03-31T00:00:00Z", "catalog": "abc"},
        "thing": [{"key": "1", "a": "x", "b": None}],
        "portage_counts": {"thing": 1},
    }
    assert list(json.loads(content))[-1] == "portage_counts"


def test_nothing_is_written_soundly_too():
    assert written("csv", part_of([])) == b"key,a,b\n"
    assert json.loads(written("json", part_of([]), {"made_at": "x"}))["portage_counts"] == {"thing": 0}
    assert written("jsonl", part_of([])) == b""


def test_a_processor_of_one_table_takes_one_part():
    for processor in (CSVProcessor(), JSONProcessor(as_lines=True)):
        with pytest.raises(ValueError, match="holds one entity"):
            processor.write(io.BytesIO(), [], {})
