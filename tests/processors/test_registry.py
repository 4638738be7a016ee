from __future__ import annotations

import pytest

from engine.errors import UnreadableFileError, UsageError
from engine.processors.csv_file import CSVProcessor
from engine.processors.json_file import JSONProcessor
from engine.processors.registry import processor_for, processor_named


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"a,b\n1,2\n", CSVProcessor),
        ("a.TSV", b"a\tb\n", CSVProcessor),
        ("a", b"a,b\n", CSVProcessor),
        ("a.json", b"[]", JSONProcessor),
        ("a.jsonl", b'{"a":1}\n', JSONProcessor),
        ("a.csv", b'\xef\xbb\xbf[{"a": 1}]', JSONProcessor),
        ("a.txt", b'{"a": 1}', JSONProcessor),
        ("a", '[{"a": 1}]'.encode("utf-16"), JSONProcessor),
        ("a.csv", b"[a],{b}\n1,2\n", CSVProcessor),
        ("a.csv", b"[1],x\n", CSVProcessor),
        ("a.json", b"'[]", JSONProcessor),
    ],
)
def test_content_goes_before_the_name(tmp_path, name, content, expected):
    path = tmp_path / "0f3a"
    path.write_bytes(content)
    assert type(processor_for(path, name)) is expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"PK\x03\x04rest", "a.csv holds a ZIP archive or an Office workbook, although it is called .csv; "),
        ("a.xlsx", b"PK\x03\x04rest", "a.xlsx holds a ZIP archive or an Office workbook; "),
        ("a.csv", b"MZ\x90\x00\x03", "a.csv holds a program"),
        ("a.xls", b"<html><table>", "a.xls holds a web page or XML"),
        ("a.csv", bytes(range(1, 32)) * 9, "a.csv holds binary data"),
        ("a.docx", b"plain text", "a.docx is of a format Portage does not know"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.json", b" \n\t", "a.json is empty"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, name, content, message):
    path = tmp_path / "0f3a"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as raised:
        processor_for(path, name)
    assert str(raised.value).startswith(message)
    assert str(tmp_path) not in str(raised.value)
    assert raised.value.code == ("file.empty" if "empty" in message else "file.unreadable")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"a\.csv does not exist"):
        processor_for(tmp_path / "0f3a", "a.csv")
    with pytest.raises(UnreadableFileError, match=r"a\.csv is a folder"):
        processor_for(tmp_path, "a.csv")


def test_a_processor_is_named_by_its_format():
    assert type(processor_named("csv")) is CSVProcessor
    assert not processor_named("json").as_lines
    assert processor_named("jsonl").as_lines
    with pytest.raises(UsageError, match='"xls" is not a format'):
        processor_named("xls")
