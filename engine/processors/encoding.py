"""In which encoding a file is written, and its text as UTF-8 blocks whatever that is.

A file is UTF-8 when all of it is, so all of it is looked at: an export may hold its first accent
in its last line. Only a file that is not UTF-8 is guessed at, from the lines that are not ASCII.
A byte that its encoding does not know stays in the blocks as that byte, which is never valid
UTF-8: who reads a cell finds it there and reports it.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer
import numpy as np
import pyarrow as pa

from engine.errors import UnreadableFileError
from engine.issues import Issue
from engine.processors.content import HEAD, wide_encoding

BLOCK = 8 << 20
_SAMPLE = 128 * 1024
_SCAN = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8 = frozenset({"utf-8", "utf-8-sig", "ascii"})
# Where the detector answers one of these it has seen letters that western encodings would make of nothing else.
_DISTINCT = (
    "big5",
    "gb",
    "hz",
    "shift",
    "cp932",
    "euc",
    "iso2022",
    "cp949",
    "johab",
    "koi8",
    "cp125",
    "iso8859_7",
    "mac_cyr",
)


@dataclass(frozen=True, slots=True)
class FoundEncoding:
    """A codec's name, whether it is sure, and what a guess could also have been."""

    name: str
    certain: bool
    others: tuple[str, ...] = ()


def known_encoding(name: str) -> str:
    """The codec's own name of what the user called an encoding."""
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, ValueError):
        raise UnreadableFileError(f'"{name}" is not an encoding; use for example utf-8, cp1252 or utf-16.') from None
    return found


def find_encoding(path: Path) -> FoundEncoding:
    """The encoding of the whole file; certain where a mark or every byte says so."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return FoundEncoding(name, True)
    if wide := wide_encoding(head):
        return FoundEncoding(wide, False, ("utf-8",))
    lines = _suspect_lines(path)
    if lines is None:
        return FoundEncoding("utf-8", True)
    return _mostly_utf8(lines) or _guess(lines)


def encoding_issues(encoding: FoundEncoding) -> list[Issue]:
    """A warning about an encoding that was guessed."""
    if encoding.certain:
        return []
    message = (
        f"The file is probably {encoding.name}, but that is not certain; choose the encoding if letters look wrong."
    )
    others = f"It could also be {', '.join(encoding.others)}." if encoding.others else None
    return [Issue(None, "", None, None, None, "file.encoding", "warning", message, others)]


def _suspect_lines(path: Path) -> list[bytes] | None:
    """Lines that are not ASCII, from a file that is not UTF-8; None where it is UTF-8."""
    if _is_utf8(path):
        return None
    lines: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        while (line := file.readline(_SCAN)) and size < _SAMPLE:
            if not line.isascii():
                lines.append(line)
                size += len(line)
    return lines


def _is_utf8(path: Path) -> bool:
    held = b""
    with path.open("rb") as file:
        while block := file.read(_SCAN):
            data = held + block
            end = _whole_letters(data)
            if not data.isascii() and not is_utf8(data[:end]):
                return False
            held = data[end:]
    return is_utf8(held)


def _whole_letters(data: bytes) -> int:
    """Where the last letter begins if it may go on behind the bytes, else their length."""
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] >= 0xC0:
            return len(data) - back
        if data[-back] < 0x80:
            break
    return len(data)


def is_utf8(data: bytes) -> bool:
    """Whether Arrow takes the bytes for one text: it looks without making a copy, as decoding would."""
    bounds = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, bounds, pa.py_buffer(data)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _mostly_utf8(lines: list[bytes]) -> FoundEncoding | None:
    """UTF-8 with some broken lines, where most accented lines are sound UTF-8: chance does not do that."""
    sound = sum(_decodes(line, "utf-8") for line in lines)
    return FoundEncoding("utf-8", False, ("cp1252",)) if sound * 2 > len(lines) else None


def _guess(lines: list[bytes]) -> FoundEncoding:
    sample = b"".join(lines)
    western = tuple(
        name for name in ("cp1252", "mac_roman", "latin-1") if _decodes(sample, name) and _is_plausible(sample, name)
    )
    matches = charset_normalizer.from_bytes(sample, preemptive_behaviour=False)
    named = [match.encoding for match in matches]
    if named and named[0].startswith(_DISTINCT) and named[0] != "cp1252" and _is_far_from_western(sample):
        return FoundEncoding(named[0], False, tuple(dict.fromkeys([*named[1:4], *western])))
    best = western[0] if western else named[0] if named else "cp1252"
    if best == "latin-1" and _decodes(sample, "cp1252"):
        best = "cp1252"
    return FoundEncoding(best, False, tuple(name for name in dict.fromkeys([*western, *named[:3]]) if name != best))


def _is_far_from_western(sample: bytes) -> bool:
    """Whether accents stand in long runs: single accents between ASCII letters are western Europe's."""
    high = sum(byte > 127 for byte in sample)
    pairs = sum(a > 127 and b > 127 for a, b in itertools.pairwise(sample))
    return pairs > high * 0.4


def _is_plausible(sample: bytes, encoding: str) -> bool:
    """Whether what is not ASCII is letters, as it mostly is in text."""
    high = [letter for letter in sample.decode(encoding) if ord(letter) > 127]
    return encoding == "latin-1" or sum(letter.isalpha() and letter not in "ŽžŠšŒœƒˆ" for letter in high) * 2 >= len(
        high
    )


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def utf8_blocks(path: Path, encoding: str, *, size: int = BLOCK, start: int = 0) -> Iterator[bytes]:
    """The file's text from byte ``start`` as UTF-8, without a byte order mark, in blocks of about ``size`` bytes."""
    first = start == 0
    with path.open("rb") as file:
        file.seek(start)
        blocks = iter(lambda: file.read(size), b"")
        for block in blocks if encoding in _UTF8 else _transcoded(blocks, encoding):
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False


def _transcoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    wide = encoding.replace("_", "-").startswith(("utf-16", "utf-32"))
    errors = "surrogatepass" if wide else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for block in blocks:
        if out := decoder.decode(block).encode("utf-8", errors):
            yield out
    try:
        tail = decoder.decode(b"", True)
    except UnicodeDecodeError:
        # Half a character at the end: one byte that is never UTF-8 stands for it and is reported.
        yield b"\xff"
    else:
        if tail:
            yield tail.encode("utf-8", errors)
