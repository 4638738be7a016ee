"""Text of files and records, made safe where Markdown is read: nothing in a cell may become an image or a link."""

from __future__ import annotations

import re
from html import escape

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&^=\"'@/])")
# A word joiner keeps Markdown from making a link of an address in a plain sentence.
_LINKS = re.compile(r"@|://|\bwww(?=\.)", re.IGNORECASE)
_HIDDEN = re.compile("[\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str | None) -> str:
    """The text with every sign that means something to Markdown escaped, and hidden characters made visible."""
    return _SIGNS.sub(r"\\\1", _LINKS.sub("\\g<0>\u2060", visible(text)))


def visible(text: str | None) -> str:
    """The text with characters that nobody sees, or that turn the direction of writing, made visible."""
    return _HIDDEN.sub("␦", text or "")


def html(text: str | None) -> str:
    """The text as HTML that says just that."""
    return escape(visible(text))


def words(name: str) -> str:
    """A name of the catalog as people read it."""
    return plain(name.replace("_", " "))


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``1,204 rows``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def when(at: str | None) -> str:
    """A time of the ledger, to the minute, in UTC as it is kept."""
    return f"{at[:10]} {at[11:16]} UTC" if at else "–"


def size(count: int) -> str:
    """A number of bytes as people read it."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
