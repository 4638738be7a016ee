"""JSON as a stream: a document's rows one by one, or one value a line, never the whole file in memory.

Python's own decoder reads each row from the text in hand; where a row goes on beyond it, more text
is fetched. This keeps every literal as written, tells of keys that stand twice, and is several
times as fast as parsing event by event.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from engine.errors import UnreadableFileError
from engine.processors.encoding import utf8_blocks
from engine.processors.json_values import Decoder, Fault

METADATA = "portage"
COUNTS = "portage_counts"
ROW_LIMIT = 16 << 20
_LINES_TRIED = 20
_BLOCK = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_OPENING = re.compile(r"\[[ \t\r\n]*([^ \t\r\n])")
_CONTINUES = re.compile(r"[-+.\w]*\Z")


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a document or one of its members: which list it stands in, its row number, its value.

    ``number`` is 0 for a member of the document that is no list of objects. ``place`` is the byte and
    the line where the list begins, where that is known.
    """

    list: str
    number: int
    value: Any
    faults: tuple[Fault, ...] = ()
    place: tuple[int, int] | None = None


class Scanner:
    """A place in a stream of JSON text."""

    def __init__(self, path: Path, encoding: str, place: tuple[int, int] = (0, 1)) -> None:
        self._decoder = Decoder()
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._blocks = utf8_blocks(path, encoding, size=_BLOCK, start=place[0])
        self._text = ""
        self._at = 0
        self._ended = False
        self._byte, self._line = place

    @property
    def place(self) -> tuple[int, int]:
        """The byte and the line where the scanner stands."""
        passed = self._text[: self._at]
        return self._byte + len(passed.encode("utf-8", "surrogateescape")), self._line + passed.count("\n")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was wrong inside the last value."""
        return tuple(self._decoder.faults)

    def _more(self) -> bool:
        """Whether there was more text, which is then in hand."""
        if self._ended:
            return False
        self._byte, self._line = self.place
        self._text, self._at = self._text[self._at :], 0
        wanted = max(_BLOCK, len(self._text))
        while wanted > 0 and not self._ended:
            block = next(self._blocks, None)
            self._ended = block is None
            text = self._utf8.decode(block or b"", self._ended)
            self._text += text
            wanted -= len(text)
        return True

    def peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more()

    def take(self, wanted: str) -> None:
        """Passes over ``wanted``; UnreadableFileError where something else stands."""
        if self.peek() != wanted:
            raise self.error(f"a {wanted} is missing" if self.peek() else "the file stops in the middle")
        self._at += 1

    def opens_objects(self) -> bool:
        """Whether the list that begins here has an object first."""
        while not (found := _OPENING.match(self._text, self._at)) and self._more():
            pass
        return bool(found and found[1] == "{")

    def value(self) -> Any:
        """The value that begins here; UnreadableFileError where it is not sound or beyond 16 MB."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.decode(self._text, self._at)
            except JSONDecodeError as error:
                if not self._ended and len(self._text) - self._at <= ROW_LIMIT:
                    self._more()
                    continue
                raise self._syntax_error(error) from None
            except RecursionError:
                raise self.error("the values are nested too deep") from None
            if self._ended or not _CONTINUES.match(self._text, end):
                self._at = end
                return value
            self._more()

    def _syntax_error(self, error: JSONDecodeError) -> UnreadableFileError:
        if len(self._text) - self._at > ROW_LIMIT:
            message = f"The value at line {self.place[1]} is longer than {ROW_LIMIT >> 20} MB or is not sound JSON."
            return UnreadableFileError(message, code="file.too_large")
        self._at = min(error.pos, len(self._text))
        return self.error("the file stops in the middle" if self._at == len(self._text) else _said(error))

    def error(self, what: str) -> UnreadableFileError:
        """The error that says where and what."""
        line = self.place[1]
        column = self._at - self._text.rfind("\n", 0, self._at)
        return UnreadableFileError(f"The file is not sound JSON: {what} (line {line}, column {column}).")


def _said(error: JSONDecodeError) -> str:
    if error.msg.startswith("Unterminated string"):
        return "a string is not closed"
    return error.msg[:1].lower() + error.msg[1:]


def document(path: Path, encoding: str) -> Iterator[Item]:
    """Every row and every other member of a JSON document, in file order."""
    scanner = Scanner(path, encoding)
    first = scanner.peek()
    if first == "[":
        yield from _rows(scanner, "", None)
    elif first == "{":
        yield from _members(scanner, has_bytes=encoding == "utf-8")
    else:
        scanner.value()
        raise UnreadableFileError("The file holds a single value; rows are objects in a list, or one object a line.")
    if scanner.peek():
        raise scanner.error("a second value follows the first; wrap them in one list")


def items(path: Path, encoding: str) -> Iterator[Item]:
    """Every row of a document or of JSON lines; a document that is one record is one row."""
    if is_lines(path, encoding):
        yield from lines(path, encoding)
        return
    record: dict[str, Any] = {}
    faults: list[Fault] = []
    has_rows = False
    for item in document(path, encoding):
        has_rows = has_rows or item.number > 0
        if not item.number and item.list not in (METADATA, COUNTS):
            record[item.list] = item.value
            faults.extend(item.faults)
        yield item
    if not has_rows and any(value != [] for value in record.values()):
        yield Item("", 1, record, tuple(faults))


def rows_at(path: Path, encoding: str, name: str, place: tuple[int, int]) -> Iterator[Item]:
    """The rows of the one list that begins at ``place``."""
    yield from _rows(Scanner(path, encoding, place), name, place)


def _rows(scanner: Scanner, name: str, place: tuple[int, int] | None) -> Iterator[Item]:
    scanner.take("[")
    number = 0
    while scanner.peek() != "]":
        if number:
            scanner.take(",")
        number += 1
        yield Item(name, number, scanner.value(), scanner.faults, place)
    scanner.take("]")


def _members(scanner: Scanner, has_bytes: bool) -> Iterator[Item]:
    scanner.take("{")
    names: set[str] = set()
    while scanner.peek() != "}":
        if names:
            scanner.take(",")
        if scanner.peek() != '"':
            raise scanner.error("a key in quotation marks is missing")
        name = scanner.value()
        if name in names:
            raise scanner.error(f'the key "{name[:100]}" stands twice')
        names.add(name)
        scanner.take(":")
        yield from _member(scanner, name, has_bytes)
    scanner.take("}")


def _member(scanner: Scanner, name: str, has_bytes: bool) -> Iterator[Item]:
    """The rows of a member that is a list of objects, or the member itself."""
    if scanner.peek() == "[":
        place = scanner.place if has_bytes else None
        if scanner.opens_objects():
            yield from _rows(scanner, name, place)
            return
    yield Item(name, 0, scanner.value(), scanner.faults)


def is_lines(path: Path, encoding: str) -> bool:
    """Whether the file's lines are objects by themselves: the first begins one, and at least half hold one."""
    decoder = Decoder()
    try:
        first = list(islice((line.strip() for line in text_lines(path, encoding) if line.strip()), _LINES_TRIED))
    except UnreadableFileError:
        return False
    if len(first) < 2 or not first[0].startswith("{") or first[0] == "{":
        return False
    return sum(_is_object(decoder, line) for line in first) * 2 >= len(first)


def _is_object(decoder: Decoder, line: str) -> bool:
    try:
        value, end = decoder.decode(line, 0)
    except (JSONDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and end == len(line)


def lines(path: Path, encoding: str) -> Iterator[Item]:
    """One row per line that is not blank; a line that is not one value has a fault and no value."""
    decoder = Decoder()
    for number, line in enumerate(text_lines(path, encoding), start=1):
        if not line.strip():
            continue
        try:
            value, end = decoder.decode(line, len(line) - len(line.lstrip()))
        except (JSONDecodeError, RecursionError) as error:
            what = _said(error) if isinstance(error, JSONDecodeError) else "the values are nested too deep"
            yield Item("", number, None, (_bad_line(number, line, what),))
            continue
        if line[end:].strip():
            yield Item("", number, None, (_bad_line(number, line, "more than one value stands in it"),))
        else:
            yield Item("", number, value, tuple(decoder.faults))


def _bad_line(number: int, line: str, what: str) -> Fault:
    return Fault("file.unreadable", None, line.strip()[:200], f"Line {number} is not sound JSON: {what}.")


def text_lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a text, however they end; UnreadableFileError (``file.too_large``) for one beyond 16 MB."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    held = ""
    number = 0
    for block in utf8_blocks(path, encoding, size=_BLOCK):
        found = re.split(r"\r\n|\n|\r(?!\Z)", held + decoder.decode(block))
        held = found.pop()
        number += len(found)
        yield from found
        if len(held) > ROW_LIMIT:
            raise UnreadableFileError(f"Line {number + 1} is longer than {ROW_LIMIT >> 20} MB.", code="file.too_large")
    yield from re.split(r"\r\n|\n|\r", held + decoder.decode(b"", True))
