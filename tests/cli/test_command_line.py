"""Every command as a script meets it: exit code, one answer on stdout, everything else on stderr."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli import app as command_line
from engine.cli.app import main
from engine.issues import SCHEMA

ROOT = Path(__file__).parents[2]
CLEAN = ROOT / "sample_data" / "clean"
NONE = {"rows": 0, "insert": 0, "update": 0, "version": 0, "skip": 0, "unchanged": 0, "reject": 0}


class Shell:
    """Runs the command line in a home of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words):
        """(exit code, stdout, stderr) of a command."""
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words):
        """(exit code, answer) of a command under --json, whose stdout must hold just that."""
        code, out, _ = self(*words, "--json")
        assert out.count("\n") == 1
        return code, json.loads(out)

    def file(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@pytest.fixture
def shell(sqlite_desk, tmp_path, capsys, monkeypatch):
    """The sample's records, and a command line that finds them by itself."""
    monkeypatch.setenv("PORTAGE_HOME", str(sqlite_desk.service.settings.home))
    monkeypatch.setenv("PORTAGE_USER", "tester")
    monkeypatch.setenv("PORTAGE_CATALOG", str(ROOT / "sample_data" / "catalog.toml"))
    for name in ("PORTAGE_DATABASE_URL", "PORTAGE_STORAGE", "PORTAGE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return Shell(tmp_path, capsys)


# -- init and the catalog


def test_init_makes_the_database_and_fills_it_with_the_sample_once(shell, monkeypatch):
    monkeypatch.setenv("PORTAGE_HOME", str(shell.folder / "new"))
    records = {"organization": 24, "person": 32, "product": 41, "order": 40, "order_line": 97}
    code, first = shell.json("init", "--sample")
    assert (code, first["sample"], first["records"]) == (0, True, records)
    assert first["tables"] == ["organization", "person", "product", "customer_order", "order_line"]
    code, out, err = shell("init", "--sample")
    assert (code, "40 order" in out) == (0, True)
    assert err == "The tables have records already, so the sample was not loaded.\n"


def test_init_without_sample_makes_empty_tables(shell, monkeypatch):
    monkeypatch.setenv("PORTAGE_HOME", str(shell.folder / "new"))
    code, said = shell.json("init")
    assert (code, said["sample"], set(said["records"].values())) == (0, False, {0})


def test_the_sample_needs_its_own_catalog(shell, monkeypatch):
    monkeypatch.setenv("PORTAGE_HOME", str(shell.folder / "new"))
    code, _, err = shell("init", "--sample", "--catalog", ROOT / "tests" / "catalogs" / "circle.toml")
    assert (code, err.startswith("The sample's records need the sample's catalog")) == (2, True)


def test_catalog_show_lists_the_entities_in_their_order(shell):
    code, said = shell.json("catalog", "show")
    names = [entity["name"] for entity in said["entities"]]
    assert (code, names) == (0, ["organization", "person", "product", "order", "order_line"])
    assert said["late"] == ["organization.parent", "person.manager"]
    assert "order_line (table order_line, key order, line_no, policy update)" in shell("catalog", "show")[1]


def test_catalog_check_says_whether_the_catalog_fits_the_database(shell):
    assert shell.json("catalog", "check")[1]["fits"] is True
    code, _, err = shell("catalog", "check", "--catalog", ROOT / "tests" / "catalogs" / "circle.toml")
    assert (code, "does not fit" in err) == (2, True)


def test_every_command_works_on_a_reflected_catalog(shell):
    code, said = shell.json("catalog", "reflect", "-o", shell.folder / "seen.toml")
    assert (code, sorted(said["entities"])) == (
        0,
        ["customer_order", "order_line", "organization", "person", "product"],
    )
    assert (shell.folder / "seen.toml").read_text(encoding="utf-8") == said["toml"]
    seen = ("--catalog", shell.folder / "seen.toml")
    assert shell.json(*seen, "catalog", "check")[1]["fits"] is True
    code, exported = shell.json(*seen, "export", "-o", shell.folder / "out")
    assert (code, exported["entities"]["customer_order"]) == (0, 40)
    code, imported = shell.json(*seen, "import", *exported["files"])
    assert (code, imported["entities"]["customer_order"]) == (0, {**NONE, "rows": 40, "unchanged": 40})


# -- bringing in


def test_import_answers_what_it_did(shell):
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\nBRAMBLE,Bramble\n")
    code, said = shell.json("import", f"organization={file}")
    assert code == 0
    assert list(said) == ["batch", "status", "plan", "entities", "issues", "issues_file", "seconds"]
    assert (said["status"], len(said["plan"]), said["issues_file"]) == ("committed", 64, None)
    assert said["entities"] == {"organization": {**NONE, "rows": 2, "insert": 1, "update": 1}}
    assert said["issues"] == {"error": 0, "warning": 0, "by_code": {}}


def test_import_guesses_the_entity(shell):
    code, said = shell.json("import", *sorted(CLEAN.glob("*.csv")))
    assert (code, {name: counts["unchanged"] for name, counts in said["entities"].items()}) == (
        0,
        {"organization": 24, "person": 32, "product": 41, "order": 40, "order_line": 97},
    )


def test_import_refuses_wrong_rows_and_shows_each_at_its_place(shell, sqlite_desk):
    before = sqlite_desk.state()
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\nOLD,\n")
    code, out, _ = shell("import", f"organization={file}")
    assert code == 1
    assert "new.csv:3 name " in out
    assert "Refused: 1 error, nothing was written" in out
    code, said = shell.json("import", f"organization={file}")
    assert (code, said["status"], said["issues"]["by_code"]) == (1, "refused", {"value.missing": 1})
    assert sqlite_desk.state() == before


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_import_writes_all_issues_to_a_file(shell, ending):
    file = shell.file("new.csv", 'code,name,country\nNEW,,GB\nOLD,"a, ""b""",gb\n')
    target = shell.folder / f"issues.{ending}"
    code, said = shell.json("import", f"organization={file}", "--issues", target)
    assert (code, said["issues_file"]) == (1, str(target))
    with target.open(encoding="utf-8", newline="") as written:
        rows = json.load(written) if ending == "json" else list(csv.DictReader(written))
    assert list(rows[0]) == SCHEMA.names
    assert [(r["entity"], r["source"], int(r["row_number"]), r["field"], r["code"], r["severity"]) for r in rows] == [
        ("organization", "new.csv", 2, "name", "value.missing", "error"),
        ("organization", "new.csv", 3, "country", "value.pattern", "error"),
    ]


def test_an_issues_file_without_issues_has_its_header(shell):
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\n")
    assert shell("import", f"organization={file}", "--issues", shell.folder / "none.csv")[0] == 0
    assert (shell.folder / "none.csv").read_text() == ",".join(SCHEMA.names) + "\n"


def test_import_partial_commits_the_sound_rows_and_names_the_remainder(shell):
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\nOLD,\n")
    code, said = shell.json("import", f"organization={file}", "--partial")
    assert (code, said["status"], said["entities"]["organization"]["insert"]) == (0, "committed", 1)
    assert shell.json("history", said["remainder"])[1]["status"] == "open"


def test_import_dry_run_writes_nothing(shell, sqlite_desk):
    before = sqlite_desk.state()
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\n")
    code, said = shell.json("import", f"organization={file}", "--dry-run")
    assert (code, said["status"], said["entities"]["organization"]["insert"]) == (0, "planned", 1)
    assert sqlite_desk.state() == before


def test_import_reads_a_file_as_it_is_told(shell, sqlite_desk):
    text = "about this file\nNEW|Müller|-\n"
    file = shell.file("odd.csv", f"code|name|country\n{text.splitlines()[1]}\n".encode("cp1252"))
    words = ["--encoding", "windows-1252", "--delimiter", "|", "--header-row", "1", "--null", "-", "--policy", "skip"]
    code, said = shell.json("import", f"organization={file}", *words)
    assert (code, said["entities"]["organization"]["insert"]) == (0, 1)
    assert sqlite_desk.read("SELECT name, country FROM organization WHERE code = 'NEW'") == [("Müller", None)]


def test_the_policy_on_the_command_line_wins_over_the_catalogs(shell):
    file = shell.file("new.csv", "code,name\nBRAMBLE,Bramble\n")
    for policy, action, code in (("ask", "reject", 1), ("skip", "skip", 0), ("version", "version", 0)):
        answered, said = shell.json("import", f"organization={file}", "--policy", policy)
        assert (answered, said["entities"]["organization"][action]) == (code, 1)


def test_a_file_with_a_sign_in_its_name_is_that_file(shell):
    file = shell.file("organization=new.csv", "code,name\nNEW,New Ltd\n")
    assert shell.json("import", file)[1]["entities"]["organization"]["insert"] == 1


def test_inspect_says_what_a_file_is(shell):
    file = shell.file("organization.csv", "Company code;Company;colour\nNEW;New Ltd;red\n")
    code, said = shell.json("inspect", file)
    (found,) = said["files"]
    assert code == 0
    assert {name: found[name] for name in ("file", "format", "delimiter", "header_row", "entity", "mapping")} == {
        "file": "organization.csv",
        "format": "csv",
        "delimiter": ";",
        "header_row": 1,
        "entity": "organization",
        "mapping": {"Company code": "code", "Company": "name"},
    }
    out = shell("inspect", file)[1]
    assert "organization.csv: csv, " in out
    assert "colour" in out


# -- plan and apply


def test_a_plan_is_carried_out_as_it_was_read(shell, sqlite_desk):
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\n")
    code, planned = shell.json("plan", f"organization={file}", "-o", shell.folder / "plan.json")
    assert (code, planned["status"]) == (0, "planned")
    kept = json.loads((shell.folder / "plan.json").read_text())
    assert {name: kept[name] for name in ("batch", "plan", "entities")} == {
        name: planned[name] for name in ("batch", "plan", "entities")
    }
    assert sqlite_desk.read("SELECT count(*) FROM organization WHERE code = 'NEW'") == [(0,)]
    code, applied = shell.json("apply", shell.folder / "plan.json")
    assert (code, applied["status"], applied["plan"]) == (0, "committed", planned["plan"])
    assert sqlite_desk.read("SELECT name FROM organization WHERE code = 'NEW'") == [("New Ltd",)]


def test_applying_a_plan_twice_is_applying_it_once(shell, sqlite_desk):
    file = shell.file("new.csv", "code,name\nNEW,New Ltd\n")
    shell("plan", f"organization={file}", "-o", shell.folder / "plan.json")
    first = shell.json("apply", shell.folder / "plan.json")[1]
    after = sqlite_desk.state()
    code, second = shell.json("apply", shell.folder / "plan.json")
    assert (code, second["batch"], second["status"]) == (0, first["batch"], "committed")
    assert sqlite_desk.state() == after


def test_a_stale_plan_is_refused(shell, sqlite_desk):
    file = shell.file("new.csv", "code,name\nBRAMBLE,Bramble\n")
    shell("plan", f"organization={file}", "-o", shell.folder / "plan.json")
    sqlite_desk.write("UPDATE organization SET name = 'Meanwhile' WHERE code = 'BRAMBLE'")
    before = sqlite_desk.state()
    code, said = shell.json("apply", shell.folder / "plan.json")
    assert (code, said["status"], said["issues"]["by_code"]) == (1, "refused", {"conflict.stale": 1})
    assert sqlite_desk.state() == before
    assert "nothing was written" in shell("apply", shell.folder / "plan.json")[2]


def test_a_plan_with_errors_is_not_kept(shell):
    file = shell.file("new.csv", "code,name\nNEW,\n")
    code, said = shell.json("plan", f"organization={file}", "-o", shell.folder / "plan.json")
    assert (code, said["status"]) == (1, "refused")
    assert not (shell.folder / "plan.json").exists()


@pytest.mark.parametrize(
    "text", [None, "", "{}", "[1]", '{"format": 9, "batch": "x", "plan": "", "entities": {}, "issues": {}}']
)
def test_a_file_that_is_no_plan_is_refused(shell, text):
    if text is not None:
        shell.file("plan.json", text)
    code, _, err = shell("apply", shell.folder / "plan.json")
    assert (code, err.count("\n")) == (2, 1)


# -- what happened, and taking out


def test_the_past_is_told_by_history_lineage_and_versions(shell):
    file = shell.file("new.csv", "code,name\nBRAMBLE,Bramble\n")
    batch = shell.json("import", f"organization={file}", "--policy", "version", "--user", "ada")[1]["batch"]
    listed = shell.json("history", "--limit", "1")[1]["batches"]
    assert [(b["batch"], b["status"], b["committed_by"], b["files"]) for b in listed] == [
        (batch, "committed", "ada", ["new.csv"])
    ]
    full = shell.json("history", batch)[1]
    assert [(s["name"], s["entity"], len(s["sha256"])) for s in full["sources"]] == [("new.csv", "organization", 64)]
    changes = shell.json("lineage", "organization", "BRAMBLE", "name")[1]["changes"]
    assert [(c["action"], c["before"], c["after"], c["commit"]["user"]) for c in changes] == [
        ("insert", None, "Bramble, Thorn & Daughters", "tester"),
        ("version", "Bramble, Thorn & Daughters", "Bramble", "ada"),
    ]
    assert (changes[1]["origin"]["file"], changes[1]["origin"]["row_number"]) == ("new.csv", 2)
    (version,) = shell.json("versions", "organization", "BRAMBLE")[1]["versions"]
    assert (version["number"], version["state"]["name"]) == (1, "Bramble, Thorn & Daughters")


def test_people_read_the_past_as_tables(shell):
    file = shell.file("new.csv", "code,name\nBRAMBLE,Bramble\n")
    shell("import", f"organization={file}", "--policy", "version")
    assert "organization.csv" in shell("history")[1]
    assert "new.csv:2 “Bramble”" in shell("lineage", "organization", "BRAMBLE")[1]
    assert "Bramble, Thorn & Daughters" in shell("versions", "organization", "BRAMBLE")[1]
    assert "No earlier state" in shell("versions", "organization", "FOXGLOVE")[1]


def test_export_takes_out_what_was_asked_for(shell):
    code, said = shell.json("export", "order_line", "-o", shell.folder / "out", "--where", "order=SO-1002")
    assert (code, said["entities"]) == (0, {"order_line": 2})
    assert said["files"] == [str(shell.folder / "out" / "order_line.csv")]
    assert Path(said["files"][0]).read_text().splitlines() == [
        "order,line_no,product,quantity,unit_price",
        "SO-1002,1,00420,3,22.00",
        "SO-1002,2,02003,4,34.00",
    ]


def test_template_makes_files_to_fill_in(shell):
    code, said = shell.json("template", "order_line", "-o", shell.folder / "out", "--format", "json")
    assert (code, said["files"]) == (0, [str(shell.folder / "out" / "order_line.json")])
    assert len(shell.json("template", "-o", shell.folder / "all")[1]["files"]) == 5


# -- the common options, and what everything has


def test_common_options_stand_before_or_after_the_command(shell):
    other = f"sqlite:///{shell.folder / 'other.db'}"
    assert shell.json("--database", other, "init")[0] == 0
    assert shell.json("catalog", "--database", other, "check")[0] == 0
    assert shell.json("export", "product", "-o", shell.folder / "o", "--database", other)[1]["entities"] == {
        "product": 0
    }
    code, out, _ = shell("--json", "--user", "grace", "history")
    assert (code, len(json.loads(out)["batches"])) == (0, 1)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["impor"],
        ["import"],
        ["import", "a.csv", "--policy", "nope"],
        ["import", "a.csv", "--nope"],
        ["import", "order="],
        ["import", "invoice=" + str(CLEAN / "order.csv")],
        ["import", str(CLEAN / "order.csv"), "--encoding", "nope"],
        ["import", str(CLEAN / "order.csv"), "--delimiter", "ab"],
        ["import", str(CLEAN / "order.csv"), "--header-row", "first"],
        ["import", str(CLEAN / "order.csv"), "--issues", "issues.txt"],
        ["import", str(CLEAN / "order.csv"), "--issues", "nowhere/issues.csv"],
        ["plan", str(CLEAN / "order.csv")],
        ["export", "-o", "out", "--format", "nope"],
        ["export", "-o", "out", "--where", "status"],
        ["export", "-o", "out", "--where", "colour=red"],
        ["export", "invoice", "-o", "out"],
        ["lineage", "order"],
        ["lineage", "order", "NOPE"],
        ["versions", "invoice", "1"],
        ["history", "nope"],
        ["--catalog", "nowhere.toml", "history"],
        ["--database", "nonsense", "history"],
        ["--database", "sqlite:nonsense", "history"],
        ["--database", "mysql://there/x", "history"],
    ],
)
def test_wrong_usage_is_one_sentence_and_2(shell, sqlite_desk, monkeypatch, words):
    monkeypatch.chdir(shell.folder)
    before = sqlite_desk.state()
    code, out, err = shell(*words)
    assert (code, out, err.count("\n"), "Traceback" in err) == (2, "", 1, False)
    assert err.rstrip()[-1] in ".?"
    code, said = shell.json(*words)
    assert (code, said) == (2, {"status": "failed", "error": err.rstrip("\n"), "exit_code": 2})
    assert sqlite_desk.state() == before
    assert [path.name for path in shell.folder.iterdir() if path.name != "home"] == []


def test_an_error_nobody_foresaw_is_a_sentence_too(shell, monkeypatch):
    def broken(*_, **__):
        raise KeyError("colour")

    monkeypatch.setattr("engine.service.read_history", broken)
    code, out, err = shell("history")
    assert (code, out) == (3, "")
    assert err == "Something unexpected stopped the run (KeyError: 'colour'). PORTAGE_DEBUG=1 shows where.\n"
    monkeypatch.setenv("PORTAGE_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["history"])


@pytest.mark.parametrize(
    ("error", "code", "start"),
    [
        (MemoryError(), 3, "There is not enough memory"),
        (OSError(28, "No space left on device", "/var/x"), 3, "/var/x: No space left on device."),
        (KeyboardInterrupt(), 130, "Interrupted: "),
    ],
)
def test_what_the_machine_does_to_a_run_is_a_sentence_too(shell, monkeypatch, error, code, start):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("engine.service.read_history", broken)
    found, _, err = shell("history")
    assert (found, err.startswith(start), err.count("\n")) == (code, True, 1)


def test_letters_that_would_command_a_terminal_are_spelled_out(shell):
    file = shell.file("new.csv", "email,name,organization\na@b.example,x,NEW\x1b[2J\n")
    out = shell("import", f"person={file}")[1]
    assert "\x1b" not in out
    assert "\\x1b[2J" in out


def test_help_starts_at_once_and_as_a_process(tmp_path):
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "engine", "--help"],
        cwd=ROOT,
        env={**os.environ, "PORTAGE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.perf_counter() - started < 10
    assert (done.returncode, "import" in done.stdout) == (0, True)
    heavy = [name for name in ("pyarrow", "sqlalchemy", "pandas", "numpy", "streamlit") if f" {name}\n" in done.stderr]
    assert heavy == []
    assert list(tmp_path.iterdir()) == []


def test_every_command_has_help():
    from engine.cli.docs import _commands  # the one list of them

    found = [name for name, _ in _commands(command_line.get_command(command_line.app), "")]
    assert found == [
        " init",
        " inspect",
        " import",
        " plan",
        " apply",
        " history",
        " lineage",
        " versions",
        " export",
        " template",
        " catalog show",
        " catalog check",
        " catalog reflect",
    ]
    for name in found:
        assert main([*name.split(), "--help"]) == 0
