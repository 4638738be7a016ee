"""The rules a machine can read: form, lint and types; layers have test_layers.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", ["ruff format --check .", "ruff check .", "mypy"], ids=["format", "lint", "types"])
def test_the_code_keeps_the_rules(command: str) -> None:
    """Each tool finds nothing, with the configuration in pyproject.toml."""
    done = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
