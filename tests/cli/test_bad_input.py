"""Whatever is wrong with the files or the surroundings: one sentence that says what to do, and nothing written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.cli.app import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(sqlite_desk, tmp_path, capsys, monkeypatch):
    """A command on the sample's records: (exit code, stdout, stderr), and nothing may have been written."""
    home = sqlite_desk.service.settings.home
    monkeypatch.setenv("PORTAGE_HOME", str(home))
    monkeypatch.setenv("PORTAGE_CATALOG", str(ROOT / "sample_data" / "catalog.toml"))
    monkeypatch.delenv("PORTAGE_DEBUG", raising=False)

    def call(*words):
        before = sqlite_desk.state()
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert sqlite_desk.state() == before
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


def one_sentence(run, *words):
    """(exit code, sentence) of a command that fails, which says the same under --json."""
    code, out, err = run(*words)
    assert (out, err.count("\n"), err.rstrip()[-1] in ".?") == ("", 1, True)
    _, under_json, _ = run("--json", *words)
    said = json.loads(under_json)
    assert (said["error"], said["exit_code"]) == (err.rstrip("\n"), code)
    return code, err.rstrip("\n")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "empty.csv is empty"),
        ("empty.json", b"", "empty.json is empty"),
        ("program.csv", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20, "program.csv holds a program"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(2000), "picture.csv holds"),
        ("noise.csv", bytes(range(256)) * 8, "noise.csv holds binary data"),
        ("book.xlsx", b"PK\x03\x04" + bytes(500), "book.xlsx holds"),
    ],
)
def test_a_file_nobody_can_read_is_refused(run, tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    code, said = one_sentence(run, "import", tmp_path / name)
    assert (code, said.startswith(sentence)) == (2, True), said


def test_a_missing_file_and_a_folder_are_refused(run, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert one_sentence(run, "import", tmp_path / "folder.csv")[0] == 2
    assert one_sentence(run, "import", tmp_path / "missing.csv")[0] == 2
    assert one_sentence(run, "inspect", tmp_path / "missing.csv")[0] == 2


def test_one_unreadable_file_of_several_stops_the_import_before_anything_is_opened(run, sqlite_desk, tmp_path):
    (tmp_path / "organization.csv").write_text("code,name\nNEW,New Ltd\n")
    batches = sqlite_desk.ledger_count("portage_batch")
    code, said = one_sentence(run, "import", tmp_path / "organization.csv", tmp_path / "missing.csv")
    assert (code, "missing.csv" in said) == (2, True)
    assert sqlite_desk.ledger_count("portage_batch") == batches


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("strange.csv", "a,b\n1,2\n", "file.no_entity"),
        ("organization.csv", "code,name,code\nA,B,C\n", "column.duplicate"),
        ("organization.csv", "name,country\nA,GB\n", "column.missing"),
    ],
)
def test_columns_nobody_can_place_are_refused_with_an_issue(run, tmp_path, name, text, code):
    (tmp_path / name).write_text(text)
    exit_code, out, _ = run("--json", "import", tmp_path / name)
    said = json.loads(out)
    assert (exit_code, said["status"], code in said["issues"]["by_code"]) == (1, "refused", True)


def test_a_file_with_only_a_header_writes_nothing_and_says_so(run, tmp_path):
    (tmp_path / "organization.csv").write_text("code,name\n")
    out = json.loads(run("--json", "import", "--dry-run", tmp_path / "organization.csv")[1])
    assert (out["entities"]["organization"]["rows"], out["issues"]["by_code"]) == (0, {"file.empty": 1})


def test_a_database_nobody_answers_for_is_told(run):
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    code, said = one_sentence(run, "--database", url, "history")
    assert (code, "secret" in said) == (3, False)


def test_a_file_that_is_no_database_is_told(run, tmp_path):
    (tmp_path / "not.db").write_bytes(b"This is no database at all, but text." * 50)
    assert one_sentence(run, "--database", f"sqlite:///{tmp_path / 'not.db'}", "history")[0] == 3
    assert one_sentence(run, "--database", f"sqlite:///{tmp_path}", "history")[0] == 3


def test_a_catalog_that_does_not_fit_the_database_is_told(run, tmp_path):
    (tmp_path / "organization.csv").write_text("code,name\nNEW,New Ltd\n")
    other = ROOT / "tests" / "catalogs" / "circle.toml"
    code, said = one_sentence(run, "--catalog", other, "import", tmp_path / "organization.csv")
    assert (code, "does not fit the catalog" in said) == (2, True)


def test_a_catalog_that_is_wrong_is_told_with_its_line(run, tmp_path):
    (tmp_path / "wrong.toml").write_text('format = 1\nname = "x"\n\n[entity.a]\ntabel = "a"\nkey = ["b"]\n')
    code, out, err = run("--catalog", tmp_path / "wrong.toml", "catalog", "show")
    places = [line.removeprefix(f"{tmp_path}/").split(" ")[0] for line in err.splitlines()]
    assert (code, out, places) == (2, "", ["wrong.toml:4:", "wrong.toml:5:"])


def test_a_disk_that_takes_nothing_is_told(run, tmp_path, monkeypatch, sqlite_desk):
    (tmp_path / "organization.csv").write_text("code,name\nNEW,New Ltd\n")
    (tmp_path / "file").write_text("")
    below_a_file = tmp_path / "file" / "below"
    with monkeypatch.context() as patched:
        patched.setenv("PORTAGE_STORAGE", str(below_a_file))
        assert one_sentence(run, "import", tmp_path / "organization.csv")[0] == 3
    with monkeypatch.context() as patched:
        patched.setenv("PORTAGE_HOME", str(below_a_file))
        assert one_sentence(run, "init")[0] == 3
    assert one_sentence(run, "export", "-o", below_a_file)[0] == 3
    assert one_sentence(run, "template", "-o", below_a_file)[0] == 3


def test_a_database_that_may_only_be_read_is_told(run, tmp_path, monkeypatch, sqlite_desk):
    """SQLite's own switch stands for a read-only disk: file permissions do not bind an administrator."""
    copy = tmp_path / "copy.db"
    shutil.copy(sqlite_desk.service.database.url.database, copy)
    (tmp_path / "organization.csv").write_text("code,name\nNEW,New Ltd\n")
    monkeypatch.setattr("engine.database._PRAGMAS", ("PRAGMA foreign_keys=ON", "PRAGMA query_only=ON"))
    code, said = one_sentence(run, "--database", f"sqlite:///{copy}", "import", tmp_path / "organization.csv")
    assert (code, "read-only" in said) == (3, True), said
