"""What a file is before any format is tried: there, not empty, and text rather than something else."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import UnreadableFileError

HEAD = 64 * 1024

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an Office workbook"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (XLS)"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "a text document (RTF)"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml|table|svg|head|body)\b", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
UTF_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def file_head(path: Path, name: str | None = None) -> bytes:
    """The first stretch of a file that is there, is a file and holds more than white space."""
    shown = name or path.name
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise UnreadableFileError(f"{shown} does not exist; check its name and folder.") from None
    except IsADirectoryError:
        raise UnreadableFileError(f"{shown} is a folder; name the files inside it.") from None
    except OSError as error:
        raise UnreadableFileError(f"{shown} cannot be opened: {error.strerror or error}.") from None
    if not head.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe") and _is_blank_to_the_end(path):
        raise UnreadableFileError(f"{shown} is empty; check that the export wrote something.", code="file.empty")
    return head


def _is_blank_to_the_end(path: Path) -> bool:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if block.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
                return False
    return True


def foreign_content(head: bytes) -> str | None:
    """What a file holds that is no table in text ("a PDF"), or None where it may be text."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if _MARKUP.match(head.removeprefix(UTF_BOMS[0])):
        return "a web page or XML"
    if head.startswith(UTF_BOMS) or wide_encoding(head):
        return None
    odd = len(_CONTROL.findall(head)) + max(0, head.count(0) - 8)
    return "binary data" if odd > max(8, len(head) // 50) else None


def wide_encoding(head: bytes) -> str | None:
    """``utf-16-le`` or ``-be`` where every second byte is mostly zero, as in UTF-16 without a mark."""
    sample = head[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half < 2:
        return None
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return None
