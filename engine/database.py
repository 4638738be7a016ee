"""The one place where a database is opened.

SQLite is opened so that an acknowledged commit survives a power cut (WAL, ``synchronous=FULL``), so
that no update is lost (writers begin with ``BEGIN IMMEDIATE``), and with foreign keys enforced on every connection.
SQLite before 3.51.3 can corrupt a WAL file when one connection resets it while another
writes (https://www.sqlite.org/wal.html#walresetbug): there, writing and the checkpoint after it take
turns between processes under a lock file, and no connection checkpoints by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from engine.errors import DatabaseError, UsageError

BUSY_SECONDS = 30
SAFE_WAL = (3, 51, 3)

_PRAGMAS = (
    "PRAGMA page_size=16384",  # of files made from now on: a first load takes 10 % less time than with 4096
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=FILE",
)


def open_database(url: str) -> sa.Engine:
    """A SQLAlchemy engine on ``url`` under Portage's rules; nothing is connected yet.

    Raises UsageError where the URL is not one, or of a database Portage does not support.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise UsageError(
            f"{url!r} is not a database URL: write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed, connect_args={"connect_timeout": 10, "application_name": "portage"})
    raise UsageError(f"Portage works with SQLite and PostgreSQL, not with {parsed.get_backend_name()}.")


def _open_sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise UsageError("Portage needs a SQLite file: write sqlite:///FILE.")
    database = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(database, "connect")
    def prepare(connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN itself, below
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        if takes_turns(database):
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        if cursor.execute("PRAGMA foreign_keys").fetchone() != (1,):
            raise DatabaseError("This SQLite was built without foreign keys: install another build.")
        cursor.close()

    @event.listens_for(database, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("portage_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return database


@contextmanager
def connected(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for reading; what the driver raises becomes a DatabaseError of one sentence."""
    with _translated(database), database.connect() as connection:
        yield connection


@contextmanager
def writing(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in one transaction that commits at the end of the block, and rolls back however else it is left."""
    with writer(database) as connection, connection.begin():
        yield connection


@contextmanager
def writer(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose next transaction is a writer's; no other Portage process writes meanwhile (SQLite)."""
    with _translated(database), _turn(database), database.connect() as connection:
        yield connection.execution_options(portage_writes=True)
        if takes_turns(database) and not connection.in_transaction():
            driver: Any = connection.connection.driver_connection  # outside any transaction
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)")


def startup_notes(database: sa.Engine) -> list[str]:
    """What whoever runs Portage should know about this database's software."""
    if takes_turns(database):
        return [f"SQLite {sqlite3.sqlite_version} is older than 3.51.3: writers take turns under a lock file."]
    return []


def takes_turns(database: sa.Engine) -> bool:
    """Whether writers need the lock file."""
    return database.dialect.name == "sqlite" and sqlite3.sqlite_version_info < SAFE_WAL


@contextmanager
def _turn(database: sa.Engine) -> Iterator[None]:
    if not takes_turns(database):
        yield
        return
    lock = Path(f"{database.url.database}.lock")
    try:
        with FileLock(lock, timeout=BUSY_SECONDS):
            yield
    except OSError as error:
        raise DatabaseError(_sentence(str(database.url), f"unable to open {lock}")) from error
    except Timeout as error:
        raise DatabaseError("Another import is writing to the database: try again when it has finished.") from error


@contextmanager
def _translated(database: sa.Engine) -> Iterator[None]:
    place = database.url.render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise DatabaseError(_sentence(place, str(error.orig))) from error
    except sqlite3.Error as error:
        raise DatabaseError(_sentence(place, str(error))) from error


_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("readonly", "read-only"), "is read-only: nothing was written. Check the permissions of its file and folder"),
    (("unable to open",), "cannot be opened: check that its folder exists and can be written"),
    (("locked",), "is busy: nothing was written. Try again in a moment"),
    (("disk is full", "No space left"), "has no room on its disk: nothing was written. Free some space and try again"),
    (("does not exist",), "is not there: create it, or correct the URL ({reason})"),
    (("password", "authentication"), "does not let this user in: check the name and password in the URL ({reason})"),
    (
        ("refused", "timeout", "timed out", "resolve", "unreachable", "connection failed"),
        "cannot be reached: check host and port in the URL, and that the server runs ({reason})",
    ),
)
"""What a driver's message holds, and what to tell who reads it; the first that fits."""


def _sentence(place: str, reason: str) -> str:
    first = reason.strip().splitlines()[0].rstrip(".") if reason.strip() else "no reason given"
    for marks, advice in _ADVICE:
        if any(mark in first for mark in marks):
            return f"The database {place} {advice.format(reason=first)}."
    return f"The database {place} failed, and nothing was written: {first}."
