"""The pages of docs/ that are made from the code say what the code says."""

from __future__ import annotations

from engine.cli.docs import FOLDER, pages


def test_the_generated_pages_are_in_step_with_the_code():
    written = {name: (FOLDER / name).read_text(encoding="utf-8") for name in pages()}
    assert written == pages(), "run: python -m engine.cli.docs"


def test_every_word_of_a_command_is_explained():
    assert [line for line in pages()["command-line.md"].splitlines() if line.endswith("` |  |")] == []
