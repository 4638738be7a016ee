from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import UnreadableFileError, UsageError
from engine.issues import to_issues
from engine.processors import csv_blocks
from engine.processors.csv_file import CSVProcessor
from engine.processors.port import ROW, Part, ReadOptions


def read(folder: Path, content: bytes | str, **options: object) -> tuple[Part, list[tuple], list[tuple]]:
    """The part, its rows as (row number, *cells), its issues as (row number, field, code, severity)."""
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (part,) = CSVProcessor().inspect(path, ReadOptions(**options))
    rows: list[tuple] = []
    issues = [part.issues]
    for chunk in CSVProcessor().read(path, part):
        assert chunk.rows.column_names == [*part.columns, ROW]
        rows.extend((row.pop(ROW), *row.values()) for row in chunk.rows.to_pylist())
        issues.append(chunk.issues)
    found = [(i.row_number, i.field, i.code, i.severity) for table in issues for i in to_issues(table)]
    return part, rows, found


def test_text_stays_as_it_is_written(tmp_path):
    part, rows, issues = read(tmp_path, "code,name,n\n007,NA,1e5\n, TRUE ,\n")
    assert part.columns == ("code", "name", "n")
    assert part.options == ReadOptions("utf-8", ",", '"', 1)
    assert rows == [(2, "007", "NA", "1e5"), (3, "", " TRUE ", "")]
    assert issues == []


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path):
    text = 'a,b\r\n1,"two\r\nlines"\r\n\r\n,\r\n"x ""y""",3\r\n'
    assert read(tmp_path, text)[1] == [(2, "1", "two\r\nlines"), (5, 'x "y"', "3")]


def test_rows_above_the_header_are_counted_and_passed_over(tmp_path):
    part, rows, _ = read(tmp_path, "# Export of May,,\n\nid,name,price\n1,Bolt,2.50\n")
    assert (part.options.header_row, part.headings) == (3, ("id", "name", "price"))
    assert part.notes == ("Passed over 1 row above the header.",)
    assert rows == [(4, "1", "Bolt", "2.50")]


def test_the_user_may_say_where_the_header_is(tmp_path):
    part, rows, _ = read(tmp_path, "title\nid,name\n1,x\n", header_row=2, delimiter=",")
    assert (part.columns, rows) == (("id", "name"), [(3, "1", "x")])
    part, rows, _ = read(tmp_path, "id,name\n1,x\n", header_row=0)
    assert (part.headings, part.columns) == (("", ""), ("column 1", "column 2"))
    assert rows == [(1, "id", "name"), (2, "1", "x")]


def test_a_header_row_beyond_the_file_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no row 9"):
        read(tmp_path, "a,b\n1,2\n", header_row=9)


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "ab"},
        {"delimiter": "§"},
        {"delimiter": "\n"},
        {"delimiter": ""},
        {"quote": "''"},
        {"quote": ";", "delimiter": ";"},
        {"header_row": -1},
        {"encoding": "klingon"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path, options):
    with pytest.raises(UsageError):
        read(tmp_path, "a,b\n1,2\n", **options)


def test_a_tab_may_be_named(tmp_path):
    assert read(tmp_path, "a\tb\n1\t2\n", delimiter="tab")[1] == [(2, "1", "2")]


def test_values_in_the_first_row_mean_that_there_is_no_header(tmp_path):
    part, rows, _ = read(tmp_path, "1,english\n2,german\n")
    assert (part.options.header_row, part.certain["header_row"]) == (0, False)
    assert rows == [(1, "1", "english"), (2, "2", "german")]


def test_years_are_good_headings(tmp_path):
    part, _, _ = read(tmp_path, "museum,2010,2011\nLouvre,5,6\nPrado,7,8\n")
    assert part.options.header_row == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", ":"])
def test_every_delimiter_is_found(tmp_path, delimiter):
    lines = [["id", "name", "price"], ["1", "Bolt", "2.50"], ["2", "Nut", "3.75"]]
    part, rows, _ = read(tmp_path, "\n".join(delimiter.join(line) for line in lines))
    assert part.options.delimiter == delimiter
    assert rows == [(2, "1", "Bolt", "2.50"), (3, "2", "Nut", "3.75")]


def test_a_sep_line_names_the_delimiter_and_is_no_row(tmp_path):
    part, rows, _ = read(tmp_path, "sep=;\r\na;b,c\r\n1;2,5\r\n")
    assert (part.options.delimiter, part.options.header_row, part.certain["delimiter"]) == (";", 1, True)
    assert rows == [(2, "1", "2,5")]


def test_apostrophes_quote_only_where_they_stand_around_cells(tmp_path):
    assert read(tmp_path, "movie\n'Doc'\n'Up'\n")[1] == [(2, "'Doc'"), (3, "'Up'")]
    part, rows, _ = read(tmp_path, "'id','name'\n'1','Smith, Jo'\n'2','Bell, Al'\n")
    assert part.options.quote == "'"
    assert rows == [(2, "1", "Smith, Jo"), (3, "2", "Bell, Al")]


def test_a_file_may_be_read_without_quotation_marks(tmp_path):
    rows = read(tmp_path, 'size\tname\n5"\t"big\n', quote="", delimiter="\t")[1]
    assert rows == [(2, '5"', '"big')]


def test_ragged_rows_are_kept_cut_or_padded_and_reported(tmp_path):
    text = "id,name,note\n1,Ann,x\n2,Bob\n3,Cy,y,extra,more\n4,Di,z\n"
    _, rows, issues = read(tmp_path, text)
    assert rows == [(2, "1", "Ann", "x"), (3, "2", "Bob", None), (4, "3", "Cy", "y"), (5, "4", "Di", "z")]
    assert issues == [(3, None, "row.too_few_cells", "error"), (4, None, "row.too_many_cells", "error")]


def test_surplus_cells_are_named_in_the_issue(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('a,b\n1,2,"x,y",z\n')
    (part,) = CSVProcessor().inspect(path, ReadOptions())
    (chunk,) = CSVProcessor().read(path, part)
    (issue,) = to_issues(chunk.issues)
    assert (issue.value, issue.message[:44]) == ('"x,y",z', "The row has 4 cells, the header has 2; look ")


def test_a_quotation_mark_never_closed_costs_one_row(tmp_path):
    text = 'id,name,note\n1,"Ann,x\n2,Bob,"said ""hi"""\n3,Cy,y\n'
    _, rows, issues = read(tmp_path, text)
    assert rows == [(2, "1", '"Ann', "x"), (3, "2", "Bob", 'said "hi"'), (4, "3", "Cy", "y")]
    assert issues == [(2, None, "row.quote", "error")]


def test_a_stray_quotation_mark_is_kept_and_reported(tmp_path):
    text = 'id;name\n1;"pedro "pdet" ho;landa"\n2;5" pipe\n3;x\n'
    _, rows, issues = read(tmp_path, text)
    assert rows == [(2, "1", 'pedro "pdet" ho;landa'), (3, "2", '5" pipe'), (4, "3", "x")]
    assert issues == [(2, None, "row.quote", "error"), (3, None, "row.quote", "warning")]


def test_spaces_before_a_quoted_cell_belong_to_no_cell(tmp_path):
    assert read(tmp_path, 'a,b\n1, "6,000"\n2, x\n')[1] == [(2, "1", "6,000"), (3, "2", " x")]


def test_lone_carriage_returns_end_rows(tmp_path):
    assert read(tmp_path, "a,b\r1,2\r3,4\r")[1] == [(2, "1", "2"), (3, "3", "4")]


def test_headings_twice_or_blank_get_names_of_their_own(tmp_path):
    part, rows, issues = read(tmp_path, "id,,id,id (2)\n1,2,3,4\n")
    assert part.headings == ("id", "", "id", "id (2)")
    assert part.columns == ("id", "column 2", "id (3)", "id (2)")
    assert rows == [(2, "1", "2", "3", "4")]
    assert issues == [(None, None, "column.duplicate", "error")]


def test_a_heading_that_is_the_row_column_is_renamed(tmp_path):
    part, rows, _ = read(tmp_path, f"{ROW},b\n1,2\n")
    assert (part.columns, rows) == ((f"{ROW} (2)", "b"), [(2, "1", "2")])


def test_a_nul_character_is_reported(tmp_path):
    _, rows, issues = read(tmp_path, "a,b\n1,x\0y\n2,z\n")
    assert rows == [(2, "1", "x\0y"), (3, "2", "z")]
    assert issues == [(2, "b", "file.encoding", "error")]


def test_bytes_that_are_no_letters_are_shown_and_reported(tmp_path):
    lines = ["id,name", *(f"{n},Zoë" for n in range(9))]
    content = "\n".join(lines).encode() + b"\n10,caf\xe9 cr\xe8me\n11,Zo\xc3\xab\n"
    part, rows, issues = read(tmp_path, content)
    assert part.options.encoding == "utf-8"
    assert rows[-2:] == [(11, "10", "caf\\xe9 cr\\xe8me"), (12, "11", "Zoë")]
    assert issues == [(None, None, "file.encoding", "warning"), (11, "name", "file.encoding", "error")]


def test_a_header_without_rows_is_said(tmp_path):
    part, rows, issues = read(tmp_path, "a,b\n")
    assert (part.columns, rows, issues) == (("a", "b"), [], [(None, None, "file.empty", "warning")])


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\n", b"\xff\xfe"])
def test_an_empty_file_is_refused(tmp_path, content):
    with pytest.raises(UnreadableFileError, match="is empty") as raised:
        read(tmp_path, content)
    assert raised.value.code == "file.empty"


def test_a_million_columns_are_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="1,000,000 columns") as raised:
        read(tmp_path, ",".join(["c"] * 1_000_000) + "\n1\n")
    assert raised.value.code == "file.too_large"


def test_a_line_beyond_the_limit_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="Row 1 is longer than 16 MB") as raised:
        read(tmp_path, b"x" * (17 << 20))
    assert raised.value.code == "file.too_large"


def test_a_huge_cell_far_down_is_refused(tmp_path):
    content = b"a,b\n1,2\n" + b'3,"' + b"x" * (40 << 20)
    with pytest.raises(UnreadableFileError, match="Row 3 is longer than 16 MB"):
        read(tmp_path, content)


def test_a_lost_mark_before_much_text_costs_one_row(tmp_path):
    lines = 2_000_000
    content = b'a,b\n1,"lost\n' + b"22222,3333\n" * lines
    _part, rows, issues = read(tmp_path, content, header_row=1, delimiter=",")
    assert rows[0] == (2, "1", '"lost')
    assert (len(rows), rows[-1]) == (lines + 1, (lines + 2, "22222", "3333"))
    assert issues == [(2, None, "row.quote", "error")]


def test_rows_are_the_same_wherever_blocks_end(tmp_path, monkeypatch):
    lines = ["id,name,note"]
    for number in range(400):
        kind = number % 40
        line = f'{number},"na""me {number}","two\r\nlines, é"'
        line = f"{number},x" if kind == 7 else f"{number},a,b,c" if kind == 11 else "" if kind == 13 else line
        lines.append(f'{number},"broken "cell" ,",y' if kind == 17 else line)
    content = "\r\n".join(lines)
    whole = read(tmp_path, content)
    for size in (61, 500, 4096):
        monkeypatch.setattr("engine.processors.csv_file.utf8_blocks", _in_blocks_of(size))
        monkeypatch.setattr(csv_blocks, "_PIECE", 64)
        _part, rows, issues = read(tmp_path, content)
        assert rows == whole[1]
        assert sorted(issues, key=str) == sorted(whole[2], key=str)
    assert (len(whole[1]), len(whole[2])) == (390, 40)


def _in_blocks_of(size: int):
    from engine.processors.encoding import utf8_blocks

    def blocks(path: Path, encoding: str, *, size: int = size, start: int = 0):
        return utf8_blocks(path, encoding, size=min(size, wanted), start=start)

    wanted = size
    return blocks


def test_chunks_are_bounded(tmp_path):
    path = tmp_path / "f.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 450_000)
    (part,) = CSVProcessor().inspect(path, ReadOptions())
    assert [chunk.rows.num_rows for chunk in CSVProcessor().read(path, part)] == [200_000, 200_000, 50_000]
