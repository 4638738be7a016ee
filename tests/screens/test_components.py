"""What screens share: safe text, plain screen state, work that is started once, and private settings."""

from __future__ import annotations

import threading
import tomllib
from concurrent.futures import wait
from pathlib import Path

import pytest

from pages.components import state
from pages.components.desk import Desk
from pages.components.text import count, html, plain, size

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Acme Ltd", "Acme Ltd"),
        ("![x](u)", r"\!\[x\]\(u\)"),
        ("a_b*c`d", r"a\_b\*c\`d"),
        (":red[x] $y$ <b>", r"\:red\[x\] \$y\$ \<b\>"),
        ("evil\u202etxt\u0000", "evil␦txt␦"),
        (None, ""),
    ],
)
def test_text_of_others_is_never_markdown(text: str | None, shown: str) -> None:
    assert plain(text) == shown


def test_addresses_in_a_sentence_become_no_links() -> None:
    for text in ("ada@acme.example", "http://acme.example", "www.acme.example"):
        assert text not in plain(text).replace("\\", "")
        assert text == plain(text).replace("\\", "").replace("\u2060", "")


def test_text_in_html_is_text() -> None:
    assert html("<img src='x'>&") == "&lt;img src=&#x27;x&#x27;&gt;&amp;"


def test_counts_and_sizes_read_well() -> None:
    assert [count(1, "row"), count(1204, "row"), count(2, "entity", "entities")] == [
        "1 row",
        "1,204 rows",
        "2 entities",
    ]
    assert [size(990), size(12_400), size(96_000_000)] == ["990 bytes", "12 KB", "96.0 MB"]


def test_work_of_one_key_is_started_once() -> None:
    desk, goes_on, runs = Desk(), threading.Event(), []

    def work(progress: object) -> int:
        runs.append(1)
        goes_on.wait(10)
        return len(runs)

    jobs = [desk.start(("commit", "b1"), work) for _ in range(5)]
    goes_on.set()
    assert [job.future.result(10) for job in jobs] == [1] * 5
    desk.forget(("commit", "b1"))
    assert desk.find(("commit", "b1")) is None


def test_work_that_fails_says_so_to_whoever_asks() -> None:
    desk = Desk()

    def work(progress: object) -> None:
        raise KeyboardInterrupt("even this")

    job = desk.start(("commit", "b1"), work)
    wait([job.future], 10)
    assert isinstance(job.future.exception(), KeyboardInterrupt)
    assert desk.find(("commit", "b1")) is job, "it is kept until somebody was told"


def test_progress_is_told_as_the_engine_says() -> None:
    desk = Desk()
    job = desk.start(("check", "b1"), lambda progress: progress("Checking", 3, 9))
    job.future.result(10)
    assert (job.stage, job.done, job.total) == ("Checking", 3, 9)


def test_screen_state_refuses_data() -> None:
    with pytest.raises(TypeError, match="holds ids, never data: rows is a dict"):
        state.choose("rows", {"a": 1})


def test_the_server_is_private_by_its_settings() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    kept = {
        ("server", "address"): "localhost",
        ("server", "enableXsrfProtection"): True,
        ("browser", "gatherUsageStats"): False,
        ("runner", "postScriptGC"): False,
        ("client", "showErrorDetails"): "none",
    }
    assert {(section, name): settings[section][name] for section, name in kept} == kept
    assert settings["server"]["maxUploadSize"] <= 1024
