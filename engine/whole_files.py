"""Files for the user that appear whole under their names, all of them or none."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StorageError, UsageError


@contextmanager
def appearing(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Where to write each file of ``folder``; at the end of the block they stand under their names, or none does.

    UsageError where ``folder`` is a file, StorageError where it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder.")
    written = {name: folder / f".{name}.{uuid.uuid4().hex}.tmp" for name in names}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield written
        for path in written.values():
            _flush(path)
        for name, path in written.items():
            path.replace(folder / name)
    except OSError as error:
        raise StorageError(f"The folder {folder} cannot be written: {error.strerror or error}.") from error
    finally:
        for path in written.values():
            _remove(path)


def write_whole(file: Path, content: bytes) -> None:
    """``file`` holds ``content``; errors as :func:`appearing`, and UsageError where it is a folder."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file.")
    with appearing(file.parent, [file.name]) as written:
        written[file.name].write_bytes(content)


def _flush(path: Path) -> None:
    """The bytes are on the disk: a name that survives a power cut never stands for half a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the folder itself is unusable, which has been said already
        return


def file_name(name: str, format: str) -> str:
    """A name for a file of the entity ``name``, whatever letters a database let its tables have."""
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    return f"{safe}.{format}"
