"""The pages of docs/ that say what the code says: ``python -m engine.cli.docs`` writes them anew.

A test compares them with the code, so that no command and no issue code ships undocumented.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from engine.cli.app import NAME, app
from engine.cli.door import PANEL
from engine.issues import CODES

FOLDER = Path(__file__).parents[2] / "docs"


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {"command-line.md": command_line(), "issues.md": issue_codes()}


def command_line() -> str:
    """The page of all commands with their options."""
    root = get_command(app)
    found = list(_commands(root, NAME))
    lines = [
        "# The command line",
        "",
        f"`{NAME} COMMAND`. Made from the code by `{NAME}.cli.docs`; a test keeps it in step.",
        "",
        "Every command has `--help` and the common options, which may stand before or after the command:",
        "",
        *_table([option for option in _options(found[0][1]) if _is_common(option)]),
        "",
        *_paragraphs(_ABOUT),
    ]
    for name, command in found:
        usage = " ".join([name, *_usage(command)])
        lines += [f"## {name.removeprefix(NAME + ' ')}", "", *_paragraphs(inspect.cleandoc(command.help or ""))]
        lines += ["```", usage, "```", ""]
        own = [option for option in command.params if not _is_common(option) and option.name != "help"]
        lines += [*_table(own), ""] if own else []
    return "\n".join(lines).rstrip() + "\n"


_ABOUT = """
`--json` prints exactly one JSON object on stdout; messages and progress go to stderr.

| exit code | means |
|---|---|
| 0 | done |
| 1 | refused because of the data (issues, conflicts to ask about, a stale plan); nothing was written |
| 2 | wrong usage or configuration |
| 3 | the environment failed (database, disk); nothing was written |
| 130 | interrupted from the keyboard |

An error is one sentence on stderr; under `--json` also `{"status", "error", "exit_code"}` on stdout. With
`PORTAGE_DEBUG=1` an error the program did not foresee shows its traceback.
"""


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for key, value in inner.items():
        yield from _commands(value, f"{name} {key}")


def _is_common(option: Any) -> bool:
    return getattr(option, "rich_help_panel", None) == PANEL


def _options(command: Any) -> list[Any]:
    return [option for option in command.params if option.param_type_name == "option"]


def _usage(command: Any) -> list[str]:
    """Required words first, then that there are options."""
    arguments = [_argument(item) for item in command.params if item.param_type_name == "argument"]
    required = [f"{item.opts[-1]} {_metavar(item)}" for item in _options(command) if item.required]
    return [*arguments, *required, "[OPTIONS]"]


def _argument(item: Any) -> str:
    name = f"{item.metavar}{'...' if item.nargs != 1 else ''}"
    return name if item.required else f"[{name}]"


def _table(params: list[Any]) -> list[str]:
    rows = [f"| {_words(item)} | {_help(item)} |" for item in params]
    return ["| | |", "|---|---|", *rows]


def _words(item: Any) -> str:
    if item.param_type_name == "argument":
        return f"`{_argument(item)}`"
    metavar = _metavar(item)
    return f"`{', '.join(item.opts)}{' ' + metavar if metavar else ''}`".replace("|", "\\|")


def _metavar(item: Any) -> str:
    if item.is_flag:
        return ""
    return item.metavar or ",".join(item.type_descriptor.choices or ()) or "VALUE"


def _help(item: Any) -> str:
    repeated = " May be repeated." if getattr(item, "multiple", False) and "repeated" not in (item.help or "") else ""
    shown = item.show_default if isinstance(item.show_default, str) else None
    default = shown or (item.default if item.default not in (None, False, [], ()) and not item.is_flag else None)
    return f"{item.help}{repeated}" + (f" Default: {default}." if default else "")


def _paragraphs(text: str) -> list[str]:
    return [*text.strip().splitlines(), ""]


def issue_codes() -> str:
    """The page of all issue codes."""
    lines = [
        "# Issue codes",
        "",
        "Whatever is wrong with data is an issue with one of these codes, at its file, row and field. Made from",
        f"`engine/issues.py` by `{NAME}.cli.docs`; a test keeps it in step.",
        "",
        "| code | severity | what it means | what to do |",
        "|---|---|---|---|",
        *(f"| `{code.code}` | {code.severity} | {code.title} | {code.mend} |" for code in CODES.values()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
