"""Scratch databases: made, copied and dropped, so that every timed run starts from the same state.

Copies are written through to the disk before anything is timed; only databases made here are ever dropped.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

DEFAULT_SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


class Databases(Protocol):
    """Databases by the names the benchmark gives them; each answers its SQLAlchemy URL."""

    kind: str

    def url(self, name: str) -> str:
        """Where the database of that name is."""
        ...

    def new(self, name: str) -> str:
        """An empty database stands under the name, in place of any earlier one."""
        ...

    def copy(self, source: str, name: str) -> str:
        """The same as ``source`` stands under the name, in place of any earlier one."""
        ...

    def drop(self, name: str) -> None:
        """There is none of that name."""
        ...

    def count(self, name: str, table: str) -> int:
        """How many rows the table holds."""
        ...

    def close(self) -> None:
        """All databases made here are gone."""
        ...


class SQLiteDatabases:
    """Files in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def url(self, name: str) -> str:
        return f"sqlite:///{self._file(name)}"

    def new(self, name: str) -> str:
        self.drop(name)
        return self.url(name)

    def copy(self, source: str, name: str) -> str:
        with closing(sqlite3.connect(self._file(source))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        url = self.new(name)
        shutil.copyfile(self._file(source), self._file(name))
        with self._file(name).open("rb+") as file:
            os.fsync(file.fileno())
        return url

    def drop(self, name: str) -> None:
        for file in self._folder.glob(f"{name}.db*"):
            file.unlink()

    def count(self, name: str, table: str) -> int:
        with closing(sqlite3.connect(self._file(name))) as connection:
            return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"


class PostgreSQLDatabases:
    """Databases of one server, with the process number in their names."""

    kind = "postgresql"

    def __init__(self) -> None:
        self._base, self._options = _without_database(os.environ.get("PORTAGE_TEST_POSTGRES", DEFAULT_SERVER))
        self._made: set[str] = set()

    def url(self, name: str) -> str:
        return f"{self._base}/{self._real(name)}{self._options}"

    def new(self, name: str) -> str:
        return self._create(name, sql.SQL("CREATE DATABASE {}").format(self._quoted(name)))

    def copy(self, source: str, name: str) -> str:
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(self._quoted(name), self._quoted(source))
        return self._create(name, copied)

    def drop(self, name: str) -> None:
        if name in self._made:
            self._run(sql.SQL("DROP DATABASE IF EXISTS {}").format(self._quoted(name)))
            self._made.discard(name)

    def count(self, name: str, table: str) -> int:
        with psycopg.connect(self._address(self._real(name))) as connection:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        for name in sorted(self._made):
            self.drop(name)

    def _create(self, name: str, statement: sql.Composed) -> str:
        self.drop(name)
        self._run(statement)
        self._made.add(name)
        self._run(sql.SQL("CHECKPOINT"))
        return self.url(name)

    def _run(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _address(self, database: str) -> str:
        return f"{self._base}/{database}{self._options}".replace("+psycopg", "", 1)

    def _real(self, name: str) -> str:
        return f"portage_bench_{os.getpid()}_{name}"

    def _quoted(self, name: str) -> sql.Identifier:
        return sql.Identifier(self._real(name))


def _without_database(url: str) -> tuple[str, str]:
    address, question, options = url.partition("?")
    return address.rsplit("/", 1)[0], question + options
