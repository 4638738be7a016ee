"""The storage folder: raw bytes of every upload by sha256, and Parquet files of staged and checked rows.

Any fsspec URL. Raw bytes are written once under their hash, through a temporary name, so half a
file is never offered; everything else belongs to one batch and can be worked out again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from engine.errors import StorageError, UnreadableFileError

BLOCK = 1 << 20


class Storage:
    """The folder at one fsspec URL."""

    def __init__(self, url: str, cache: Path) -> None:
        self.url = url
        self._cache = cache
        try:
            self.fs, self.root = fsspec.core.url_to_fs(url)
        except (OSError, ValueError, ImportError) as error:
            raise StorageError(f"The storage folder {url} cannot be opened: {error}.") from error

    @property
    def is_local(self) -> bool:
        """Whether the folder is on this machine's disk."""
        return isinstance(self.fs, LocalFileSystem)

    def keep_raw(self, file: Path) -> tuple[str, int]:
        """The bytes of ``file`` are kept; answers their sha256 (hex) and size in bytes."""
        with _readable(file) as source, self._guard():
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
            size = source.tell()
            target = self._raw(sha256)
            if not self.fs.exists(target):
                partial = f"{target}.{uuid.uuid4().hex}.tmp"
                self.fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
                self.fs.put_file(str(file), partial)
                self.fs.mv(partial, target)
        return sha256, size

    def raw_file(self, sha256: str) -> Path:
        """A local file with the raw bytes of that hash (fetched once where the storage is remote)."""
        if self.is_local:
            return Path(self._raw(sha256))
        local = self._cache / sha256
        if not local.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            with self._guard():
                self.fs.get(self._raw(sha256), str(local))
        return local

    def _raw(self, sha256: str) -> str:
        return f"{self.root}/raw/{sha256[:2]}/{sha256}"

    def path(self, batch: str, *parts: str) -> str:
        """Where a file of a batch is: ``parts`` below the batch's own folder."""
        return "/".join([self.root, "batches", batch, *parts])

    @contextmanager
    def parquet_writer(self, path: str, schema: pa.Schema) -> Iterator[ParquetWriter]:
        """A writer of row groups to ``path``; the file appears under its name only when all is written."""
        partial = f"{path}.{uuid.uuid4().hex}.tmp"
        with self._guard():
            self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            try:
                with (
                    self.fs.open(partial, "wb") as sink,
                    pq.ParquetWriter(
                        sink, schema, compression="lz4", use_dictionary=False, write_statistics=_numbers(schema)
                    ) as writer,
                ):
                    yield ParquetWriter(writer)
                self.fs.mv(partial, path)
            except BaseException:
                if self.fs.exists(partial):
                    self.fs.rm(partial)
                raise

    @contextmanager
    def parquet(self, path: str) -> Iterator[pq.ParquetFile]:
        """The Parquet file at ``path``, open for reading by row groups and columns."""
        with self._guard(), self.fs.open(path, "rb") as source, pq.ParquetFile(source) as file:
            yield file

    def write_json(self, path: str, value: Any) -> None:
        """``value`` stands at ``path``."""
        with self._guard():
            self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            partial = f"{path}.{uuid.uuid4().hex}.tmp"
            with self.fs.open(partial, "w", encoding="utf-8") as sink:
                json.dump(value, sink, ensure_ascii=False, sort_keys=True)
            self.fs.mv(partial, path)

    def read_json(self, path: str) -> Any:
        """The value at ``path``, or None where there is no such file."""
        with self._guard():
            if not self.fs.exists(path):
                return None
            with self.fs.open(path, "r", encoding="utf-8") as source:
                return json.load(source)

    def copy(self, path: str, other: str) -> None:
        """The file at ``path`` stands at ``other`` too."""
        with self._guard():
            self.fs.makedirs(other.rsplit("/", 1)[0], exist_ok=True)
            self.fs.copy(path, other)

    def exists(self, path: str) -> bool:
        """Whether there is a file at ``path``."""
        return bool(self.fs.exists(path))

    def remove(self, path: str) -> None:
        """Nothing stands at ``path``, nor below it."""
        with self._guard():
            if self.fs.exists(path):
                self.fs.rm(path, recursive=True)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise StorageError(f"The storage folder {self.url} cannot be written: check its permissions.") from error
        except OSError as error:
            raise StorageError(f"The storage folder {self.url} failed: {error.strerror or error}.") from error


def _numbers(schema: pa.Schema) -> list[str]:
    """The columns worth statistics: row numbers find a row's group, while bounds of texts cost more than they tell."""
    return [item.name for item in schema if pa.types.is_int64(item.type)]


class ParquetWriter:
    """Writes tables, each as one row group."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer

    def write(self, table: pa.Table) -> None:
        """The table stands in the file as one row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))


def _readable(file: Path) -> BufferedReader:
    if file.is_dir():
        raise UnreadableFileError(f"{file} is a folder: name the files in it.")
    try:
        return file.open("rb")
    except FileNotFoundError as error:
        raise UnreadableFileError(f"There is no file {file}: check its name.") from error
    except OSError as error:
        raise UnreadableFileError(f"{file} cannot be read: {error.strerror}.") from error
