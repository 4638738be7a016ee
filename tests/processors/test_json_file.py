from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import UnreadableFileError
from engine.issues import to_issues
from engine.processors.json_file import JSONProcessor
from engine.processors.port import ROW, Part, ReadOptions


def read(folder: Path, content: bytes | str, processor: JSONProcessor | None = None):
    """Parts, rows as (part, row number, cells that are there), issues as (row number, field, code, value)."""
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_path(path, processor or JSONProcessor())


def read_path(path: Path, processor: JSONProcessor):
    parts: list[Part] = processor.inspect(path, ReadOptions())
    rows, issues = [], []
    for part in parts:
        issues.extend(to_issues(part.issues))
        for chunk in processor.read(path, part):
            assert chunk.rows.column_names == [*part.columns, ROW]
            for row in chunk.rows.to_pylist():
                number = row.pop(ROW)
                rows.append((part.name, number, {k: v for k, v in row.items() if v is not None}))
            issues.extend(to_issues(chunk.issues))
    return parts, rows, [(i.row_number, i.field, i.code, i.value) for i in issues]


def test_every_value_is_text_as_it_was_written(tmp_path):
    text = '[{"a": 1.50, "b": true, "c": null, "d": "007", "e": 123456789012345678901234567890, "f": -0, "g": 1e5}]'
    _, rows, issues = read(tmp_path, text)
    assert rows == [
        ("", 1, {"a": "1.50", "b": "true", "c": "", "d": "007", "e": "123456789012345678901234567890"}
         | {"f": "-0", "g": "1e5"}),
    ]  # fmt: skip
    assert issues == []


def test_an_absent_key_is_no_cell_and_null_is_a_blank_one(tmp_path):
    path = tmp_path / "f"
    path.write_text('[{"a": 1}, {"b": null}]')
    (part,) = JSONProcessor().inspect(path, ReadOptions())
    (chunk,) = JSONProcessor().read(path, part)
    assert chunk.rows.to_pylist() == [{"a": "1", "b": None, ROW: 1}, {"a": None, "b": "", ROW: 2}]
    assert part.sample == (("1", None), (None, ""))


def test_nested_objects_are_dotted_columns_and_lists_are_json(tmp_path):
    text = '[{"a": {"b": {"c": 1}, "d": []}, "e": [1.50, "x", {"y": null}], "f": {}}]'
    assert read(tmp_path, text)[1] == [("", 1, {"a.b.c": "1", "a.d": "[]", "e": '[1.50, "x", {"y": null}]', "f": "{}"})]


def test_a_document_has_a_part_for_each_list(tmp_path):
    text = '{"organization": [{"code": "A"}], "person": [{"email": "b"}, {"email": "c"}], "order": []}'
    parts, rows, issues = read(tmp_path, text)
    assert [(part.name, part.entity, part.columns) for part in parts] == [
        ("organization", "organization", ("code",)),
        ("person", "person", ("email",)),
        ("order", "order", ()),
    ]
    assert rows == [("organization", 1, {"code": "A"}), ("person", 1, {"email": "b"}), ("person", 2, {"email": "c"})]
    assert issues == [(None, None, "file.empty", None)]


def test_one_object_is_one_row(tmp_path):
    assert read(tmp_path, '{"id": 42, "Id": 43, "tags": ["x"]}')[1] == [
        ("", 1, {"id": "42", "Id": "43", "tags": '["x"]'})
    ]


def test_members_that_are_no_lists_are_said(tmp_path):
    _, rows, issues = read(tmp_path, '\ufeff{"users": [{"id": 1}], "page": 3}')
    assert rows == [("users", 1, {"id": "1"})]
    assert issues == [(None, None, "file.unreadable", None)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_row_of_json_lines_is_its_line_number(tmp_path, end):
    lines = ['{"a":1}', "", '{"a":2}TRAILER', '{"a":3}', '{"a":4', "[5]", '{"a":6}', '{"a":7}']
    _, rows, issues = read(tmp_path, end.join(lines))
    assert rows == [("", n, {"a": v}) for n, v in ((1, "1"), (4, "3"), (7, "6"), (8, "7"))]
    assert issues == [
        (3, None, "file.unreadable", '{"a":2}TRAILER'),
        (5, None, "file.unreadable", '{"a":4'),
        (6, None, "value.type", "[5]"),
    ]


def test_what_json_forbids_is_reported_at_its_row(tmp_path):
    text = '[{"a": 1, "a": 2}, {"a": NaN}, {"a": "x\\u0000"}, {"a": "\\ud800"}, 7, {"a": 1, "b": {"c": 1}, "b.c": 2}]'
    _, rows, issues = read(tmp_path, text)
    assert rows == [
        ("", 1, {"a": "1"}),
        ("", 2, {"a": "NaN"}),
        ("", 3, {"a": "x\0"}),
        ("", 4, {"a": "\\ud800"}),
        ("", 6, {"a": "1", "b.c": "1"}),
    ]
    assert issues == [
        (1, "a", "column.duplicate", "2"),
        (2, None, "value.type", "NaN"),
        (5, None, "value.type", "7"),
        (6, "b.c", "column.duplicate", "2"),
        (4, "a", "file.encoding", "\\ud800"),
        (3, "a", "file.encoding", "x\0"),
    ]


def test_a_number_of_five_million_digits_is_kept_and_reported(tmp_path):
    _, rows, issues = read(tmp_path, '[{"a": ' + "9" * 5_000_000 + "}]")
    assert len(rows[0][2]["a"]) == 5_000_000
    assert issues == [(1, None, "value.precision", "9" * 100 + "…")]


def test_a_byte_that_is_no_letter_is_shown_and_reported(tmp_path):
    _, rows, issues = read(tmp_path, '[{"a": "Zoë"}, {"a": "Chloë"},\n{"a": "Noël"},\n'.encode() + b'{"a": "caf\xe9"}]')
    assert rows[3] == ("", 4, {"a": "caf\\xe9"})
    assert issues == [(None, None, "file.encoding", None), (4, "a", "file.encoding", "caf\\xe9")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[\n  ,\n]", "expecting value (line 2, column 3)"),
        ("[", "the file stops in the middle (line 1, column 2)"),
        ('[{"a": 1}', "the file stops in the middle (line 1, column 10)"),
        ('[{"a": 1}, {"a', "a string is not closed"),
        ("[]\n42", "a second value follows the first; wrap them in one list (line 2, column 1)"),
        ('[{"a": 1}]\n[{"a": 2}]', "a second value follows the first; wrap them in one list (line 2, column 1)"),
        ('[{"a": 1} {"a": 2}]', "a , is missing (line 1, column 11)"),
        ('{"a": [{}], "a": [{}]}', 'the key "a" stands twice'),
        ('{"a": 1, b: 2}', "a key in quotation marks is missing (line 1, column 10)"),
        ("[[1], [2]]", "Row 1 is a list and not an object"),
        ("[4, 5]", "Row 1 is a single value and not an object"),
        ("42", "The file holds a single value"),
        ("'[]", "expecting value (line 1, column 1)"),
        ("[" * 1_000_000, "the values are nested too deep"),
        ('{"a":' * 1_000_000, "the values are nested too deep"),
    ],
)
def test_a_document_that_is_not_sound_is_refused_with_its_place(tmp_path, text, message):
    with pytest.raises(UnreadableFileError) as raised:
        read(tmp_path, text)
    assert message in str(raised.value)


def test_a_row_beyond_the_limit_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="longer than 16 MB") as raised:
        read(tmp_path, '[{"a": "' + "x" * (40 << 20))
    assert raised.value.code == "file.too_large"


def test_rows_larger_than_a_block_are_read(tmp_path):
    big = "x" * 3_000_000
    _, rows, _ = read(tmp_path, json.dumps([{"a": 1}, {"a": big}, {"a": [12.25] * 300_000}, {"a": 2}]))
    assert [len(row["a"]) for _, _, row in rows] == [1, 3_000_000, 300_000 * 7, 1]


def test_keys_without_end_are_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="10,000 different keys"):
        read(tmp_path, json.dumps([{f"k{n}": 1} for n in range(10_001)]))


def test_metadata_is_answered_and_its_counts_are_checked(tmp_path):
    text = '{"portage": {"format": 1, "made_at": "now"}, "a": [{"x": 1}], "portage_counts": {"a": 2, "b": 1}}'
    (part,), rows, issues = read(tmp_path, text)
    assert part.metadata == {"format": 1, "made_at": "now", "counts": {"a": 2, "b": 1}}
    assert rows == [("a", 1, {"x": "1"})]
    assert issues == [(None, None, "file.unreadable", None), (None, None, "file.unreadable", None)]


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="newer Portage"):
        read(tmp_path, '{"portage": {"format": 2}, "a": [{"x": 1}]}')


def test_each_list_is_found_again_where_it_begins(tmp_path):
    text = '{"é": [{"x": "ü"}],\n "b": [{"x": 1}, {"x": 2}]}'
    parts, rows, _ = read(tmp_path, text)
    assert [part.place for part in parts] == [(7, 1), (28, 2)]
    assert rows == [("é", 1, {"x": "ü"}), ("b", 1, {"x": "1"}), ("b", 2, {"x": "2"})]
