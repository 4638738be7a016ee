"""Who may know whom holds, and the contracts that say so notice when it does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_modules_import_only_what_their_layer_may_know():
    linted = _lint(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("catalog/model.py", "import engine.service", "layers"),
        ("conversion/cells.py", "import engine.mapping", "layers"),
        ("grab_bag.py", "", "layers"),
        ("dialects/port.py", "import engine.dialects.choose", "acyclic"),
        ("model.py", "import streamlit", "no-screens"),
        ("resolver/rows.py", "import pandera.pandas", "one-place"),
    ],
)
def test_a_breach_is_noticed(tmp_path, file, line, contract):
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "engine" / file).open("a") as module:
        module.write(f"\n{line}\n")
    linted = _lint(tmp_path, "--contract", contract)
    assert (linted.returncode, "0 kept, 1 broken" in linted.stdout) == (1, True), linted.stdout + linted.stderr
