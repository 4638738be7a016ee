from __future__ import annotations

import pytest

from engine.errors import UnreadableFileError
from engine.processors.encoding import find_encoding, known_encoding, utf8_blocks

ACCENTED = "id;name\n1;Müller & Söhne\n2;Curaçao – Piñata\n3;naïve façade\n"
GREEK = "όνομα;πόλη\nΑλέξανδρος Παπαδόπουλος;Θεσσαλονίκη\nΜαρία Γεωργίου;Αθήνα\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (ACCENTED, "utf-8", ("utf-8", True)),
        (ACCENTED, "utf-8-sig", ("utf-8-sig", True)),
        (ACCENTED, "utf-16", ("utf-16", True)),
        (ACCENTED, "utf-16-le", ("utf-16-le", False)),
        (ACCENTED, "utf-16-be", ("utf-16-be", False)),
        (ACCENTED, "utf-32", ("utf-32", True)),
        (ACCENTED, "cp1252", ("cp1252", False)),
        ("a,b\n1,2\n", "ascii", ("utf-8", True)),
        ("名前;都市\n山田太郎;東京\n鈴木花子;大阪\n" * 20, "shift_jis", ("cp932", False)),
    ],
)
def test_the_encoding_is_found_and_the_text_is_the_same(tmp_path, text, encoding, found):
    path = tmp_path / "f"
    path.write_bytes(text.encode(encoding))
    answer = find_encoding(path)
    assert (answer.name, answer.certain) == found
    assert b"".join(utf8_blocks(path, answer.name, size=7)).decode() == text


def test_an_accent_in_the_last_line_is_seen(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"id,name\n" + b"1,plain\n" * 500_000 + b"2,caf\xe9\n")
    assert find_encoding(path).name == "cp1252"


def test_a_few_broken_lines_in_utf8_leave_it_utf8(tmp_path):
    path = tmp_path / "f"
    path.write_bytes("Zoë\n".encode() * 9 + b"caf\xe9\n")
    assert (find_encoding(path).name, find_encoding(path).certain) == ("utf-8", False)


def test_half_a_character_at_the_end_is_not_lost(tmp_path):
    path = tmp_path / "f"
    path.write_bytes("ab".encode("utf-16") + b"c")
    assert b"".join(utf8_blocks(path, "utf-16")) == b"ab\xff"


def test_an_unknown_encoding_is_refused():
    with pytest.raises(UnreadableFileError, match='"klingon" is not an encoding'):
        known_encoding("klingon")
