"""All commands together, and what becomes of an error: one sentence on stderr, and an exit code.

0 done; 1 refused because of the data, nothing written; 2 wrong usage or configuration; 3 the environment failed,
nothing written; 130 interrupted from the keyboard. ``PORTAGE_DEBUG=1`` lets the traceback through.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from engine.cli import catalogs, importing, past, setting_up, taking_out
from engine.cli.door import Door, group
from engine.errors import PortageError

NAME = "python -m engine"
INTERRUPTED = 130

app = typer.Typer(
    help="Brings related files into a relational database, and takes records out again.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
group(app)
for part in (setting_up, catalogs, importing, past, taking_out):
    part.add_commands(app)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command came to nothing."""

    sentence: str
    exit_code: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line ``arguments`` (default: this process's own) is carried out; answers the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    door = Door()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: door.note(str(message))
        try:
            code = get_command(app)(words, prog_name=NAME, standalone_mode=False, obj=door)
        except SystemExit as left:
            return left.code if isinstance(left.code, int) else 1
        except BaseException as error:  # a panic of a native library is no Exception
            if os.environ.get("PORTAGE_DEBUG"):
                raise
            return _fail(door, explain(error), as_json=door.json or "--json" in words)
        finally:
            door.close()
    if code == INTERRUPTED:
        sentence = "Interrupted: a commit that had not finished was taken back. The history shows what was committed."
        return _fail(door, Failure(sentence, INTERRUPTED), as_json=door.json)
    return int(code or 0)


def _fail(door: Door, failure: Failure, *, as_json: bool) -> int:
    door.note(failure.sentence)
    if as_json:
        said = {"status": "refused" if failure.exit_code == 1 else "failed", "error": failure.sentence}
        print(json.dumps({**said, "exit_code": failure.exit_code}, ensure_ascii=False))
    return failure.exit_code


def explain(error: BaseException) -> Failure:
    """The error as a sentence a user can act on, and its exit code."""
    if isinstance(error, PortageError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        place = context.command_path if context else NAME
        reason = error.format_message().replace("Value error, ", "")
        stop = "" if reason.endswith((".", "?")) else "."
        return Failure(f"{reason}{stop} See {place} --help.", 2)
    if isinstance(error, typer.Abort):
        return Failure("Interrupted.", INTERRUPTED)
    if isinstance(error, MemoryError):
        return Failure(
            "There is not enough memory for this: nothing was written. Close other programs, or split the file.", 3
        )
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Failure(f"{place}{error.strerror or error}. Nothing was written.", 3)
    lines = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return Failure(f"Something unexpected stopped the run ({reason}). PORTAGE_DEBUG=1 shows where.", 3)
