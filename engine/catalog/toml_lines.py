"""On which line each word of a TOML file stands; tomllib tells what it says, but not where."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<newline>\n)
    |(?P<mark>[\[\]{}=.,])
    |(?P<bare>[^\s\[\]{}=.,"'\#]+)
    |(?P<blank>[^\S\n]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING, _CLOSING = ("[", "{"), ("]", "}")


def find_lines(text: str) -> dict[Path, int]:
    """The line of every table header and key of a sound TOML text, by its path.

    ``[[x.rules]]`` counts from 0: its second header is ``("x", "rules", 1)``. Words inside a value
    (an inline table, a list) stand where the key of the value stands.
    """
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        marks = [token for kind, token in statement if kind == "mark"]
        if marks[:1] == ["["] and statement[0][1] == "[":
            name = _names(statement)
            table = _open(name, lines, counts, number, repeated=statement[1][1] == "[")
        elif "=" in marks:
            ends = next(place for place, (_, token) in enumerate(statement) if token == "=")
            lines.setdefault((*table, *_names(statement[:ends])), number)
    return lines


def _open(
    name: tuple[str, ...], lines: dict[Path, int], counts: dict[Path, int], number: int, *, repeated: bool
) -> Path:
    """The path of the table a header opens, noted with its line."""
    path = _numbered(name[:-1] if repeated else name, counts)
    if repeated:
        path = (*path, name[-1])
        counts[path] = counts.get(path, -1) + 1
        lines.setdefault(path, number)
        path = (*path, counts[path])
    lines[path] = number
    return path


def _numbered(name: tuple[str, ...], counts: dict[Path, int]) -> Path:
    path: Path = ()
    for part in name:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    return path


def _statements(text: str) -> list[tuple[int, list[tuple[str, str]]]]:
    """The text cut at the line ends that end a statement, each with the line it begins on."""
    found: list[tuple[int, list[tuple[str, str]]]] = []
    statement: list[tuple[str, str]] = []
    line, began, depth = 1, 1, 0
    for match in _TOKEN.finditer(text.replace("\r\n", "\n")):
        kind, token = str(match.lastgroup), match.group()
        if kind not in ("comment", "newline", "blank"):
            began = began if statement else line
            statement.append((kind, token))
            depth += (token in _OPENING) - (token in _CLOSING) if kind == "mark" else 0
        if kind == "newline" and depth <= 0 and statement:
            found.append((began, statement))
            statement, depth = [], 0
        line += token.count("\n")
    if statement:
        found.append((began, statement))
    return found


def _names(tokens: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(
        str(tomllib.loads(f"x = {token}")["x"]) if kind == "text" else token
        for kind, token in tokens
        if kind in ("text", "bare")
    )


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of the nearest table or value around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None
