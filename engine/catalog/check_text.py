"""What a CHECK constraint says, where it only compares columns: choices, bounds and simple comparisons.

PostgreSQL words ``status IN ('a', 'b')`` as ``(status)::text = ANY (ARRAY['a'::character varying, …]::text[])``; SQLite
keeps it as it was written. Brackets and casts are dropped from both, and what then does not read as plain
comparisons joined by AND is not understood, rather than half understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CAST = r"""::\s*(?:"[^"]+"\.|\w+\.)?(?:"[^"]+"|[a-z_]\w*)(?:\s(?:varying|precision|(?:with|without)\stime\szone))*
(?:\(\s*\d+(?:\s*,\s*\d+)?\s*\))?(?:\[\])*"""
_TOKENS = rf"""(?P<cast>{_CAST})
    |(?P<escaped>[eE]'(?:[^'\\]|''|\\.)*')
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\b)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<operator><=|>=|<>|!=|==|=|<|>)
    |(?P<comma>,)
    |(?P<bracket>[()\[\]])
    |(?P<comment>--[^\n]*|/\*.*?\*/)
    |(?P<blank>\s+)
    |(?P<other>.)"""
_TOKEN = re.compile(_TOKENS, re.VERBOSE | re.DOTALL)
_SQLITE_TOKEN = re.compile(rf"(?P<square>\[[^\[\]]+\])|{_TOKENS}", re.VERBOSE | re.DOTALL)
_NOT_SAID = ("cast", "bracket", "comment", "blank")
_VALUES = ("text", "escaped", "number")
_OPERATORS = {"=": "==", "<>": "!="}

Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """A column holds one of these texts."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compares to another column or to a literal."""

    column: str
    operator: str
    right: str
    right_is_column: bool


def read_check(condition: str) -> list[Choice | Comparison] | None:
    """What the condition says of columns; None where it says anything else."""
    tokens = [(kind, token) for kind, token in _tokens(condition) if kind not in _NOT_SAID]
    tokens = [token for token in tokens if not _is(token, "array")]
    tokens, only = _without_null(tokens)
    found: list[Choice | Comparison] = []
    while tokens:
        taken = _in(tokens) or _any(tokens) or _between(tokens) or _comparison(tokens)
        if taken is None:
            return None
        terms, tokens = taken
        found.extend(terms)
        if tokens and not (_is(tokens[0], "and") and tokens[1:]):
            return None
        tokens = tokens[1:]
    columns = {term.column for term in found}
    return found if found and (only is None or (columns == {only} and len(found) == 1)) else None


def read_literal(sql: str) -> str | None:
    """The text of a literal such as ``'a'::text``, ``(0)`` or ``true``; None for any other expression."""
    tokens = [token for token in _tokens(sql) if token[0] not in _NOT_SAID]
    return _value(tokens[0]) if len(tokens) == 1 and _is_value(tokens[0]) else None


def find_checks(sql: str) -> Iterator[tuple[str, str]]:
    """Name (or "") and condition of each CHECK of a SQLite CREATE TABLE statement."""
    tokens = [(kind, token) for kind, token in _tokens(sql, _SQLITE_TOKEN) if kind != "comment"]
    said = [place for place, (kind, _) in enumerate(tokens) if kind != "blank"]
    for number, place in enumerate(said):
        following = said[number + 1] if number + 1 < len(said) else None
        if not _is(tokens[place], "check") or following is None or tokens[following][1] != "(":
            continue
        named = number >= 2 and _is(tokens[said[number - 2]], "constraint")
        name = _name(tokens[said[number - 1]]) if named else ""
        yield name, "".join(token for _, token in _within(tokens[following:]))


def _within(tokens: list[Token]) -> Iterator[Token]:
    """The tokens between the bracket that opens and the one that closes it."""
    depth = 0
    for kind, token in tokens:
        depth -= token == ")" and kind == "bracket"
        if depth == 0 and token == ")":
            return
        if depth > 0:
            yield kind, token
        depth += token == "(" and kind == "bracket"


def _tokens(text: str, form: re.Pattern[str] = _TOKEN) -> Iterator[Token]:
    for match in form.finditer(text):
        kind, token = str(match.lastgroup), match.group()
        yield ("quoted", '"' + token[1:-1].replace('"', '""') + '"') if kind == "square" else (kind, token)


def _is(token: Token, word: str) -> bool:
    return token[0] == "word" and token[1].lower() == word


def _name(token: Token) -> str:
    kind, text = token
    return text[1:-1].replace(text[0] * 2, text[0]) if kind == "quoted" else text


def _value(token: Token) -> str:
    kind, text = token
    if kind == "escaped":
        return re.sub(r"\\(.)|''", lambda match: match[1] or "'", text[2:-1])
    return text[1:-1].replace("''", "'") if kind == "text" else text.lower() if kind == "word" else text


def _is_column(token: Token) -> bool:
    return token[0] in ("word", "quoted") and not _is_value(token)


def _is_value(token: Token) -> bool:
    return token[0] in _VALUES or _is(token, "true") or _is(token, "false")


def _without_null(tokens: list[Token]) -> tuple[list[Token], str | None]:
    """The condition without ``column IS NULL OR``, which every CHECK holds by itself, and the column it was about."""
    for null, rest in ((tokens[:4], tokens[4:]), (tokens[-3:] + tokens[-4:-3], tokens[:-4])):
        if len(null) == 4 and all(map(_is, null[1:], ("is", "null", "or"))) and _is_column(null[0]):
            return rest, _name(null[0])
    return tokens, None


def _in(tokens: list[Token]) -> tuple[list[Choice | Comparison], list[Token]] | None:
    if len(tokens) >= 3 and _is_column(tokens[0]) and _is(tokens[1], "in"):
        return _choices(tokens[0], tokens[2:])
    return None


def _any(tokens: list[Token]) -> tuple[list[Choice | Comparison], list[Token]] | None:
    if len(tokens) >= 4 and _is_column(tokens[0]) and tokens[1][1] == "=" and _is(tokens[2], "any"):
        return _choices(tokens[0], tokens[3:])
    return None


def _choices(column: Token, tokens: list[Token]) -> tuple[list[Choice | Comparison], list[Token]] | None:
    values = []
    # SQLite takes a text in double quotes where it names no column; PostgreSQL never words a choice so.
    while tokens and (_is_value(tokens[0]) or tokens[0][1].startswith('"')):
        values.append(_name(tokens[0]) if tokens[0][0] == "quoted" else _value(tokens[0]))
        if tokens[1:2] and tokens[1][0] == "comma":
            tokens = tokens[2:]
        else:
            return [Choice(_name(column), tuple(dict.fromkeys(values)))], tokens[1:]
    return None


def _between(tokens: list[Token]) -> tuple[list[Choice | Comparison], list[Token]] | None:
    if len(tokens) < 5 or not (_is_column(tokens[0]) and _is(tokens[1], "between") and _is(tokens[3], "and")):
        return None
    if not (_is_value(tokens[2]) and _is_value(tokens[4])):
        return None
    column = _name(tokens[0])
    bounds = ((">=", tokens[2]), ("<=", tokens[4]))
    return [Comparison(column, operator, _value(bound), False) for operator, bound in bounds], tokens[5:]


def _comparison(tokens: list[Token]) -> tuple[list[Choice | Comparison], list[Token]] | None:
    if len(tokens) < 3 or tokens[1][0] != "operator" or not _is_column(tokens[0]):
        return None
    column, (_, operator), right = tokens[:3]
    operator = _OPERATORS.get(operator, operator)
    if _is_value(right):
        return [Comparison(_name(column), operator, _value(right), False)], tokens[3:]
    if _is_column(right):
        return [Comparison(_name(column), operator, _name(right), True)], tokens[3:]
    return None
