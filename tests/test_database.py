"""How a database is opened: nothing acknowledged is lost, no update is lost, and whatever fails is one sentence."""

from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from engine import database as opening
from engine.database import connected, open_database, startup_notes, writing
from engine.errors import DatabaseError, UsageError


@pytest.fixture
def sqlite(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'portage.db'}")
    with writing(database) as connection:
        connection.exec_driver_sql("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)")
        connection.exec_driver_sql("CREATE TABLE child (parent INTEGER REFERENCES counter)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (1, 0)")
    yield database
    database.dispose()


def pragma(connection, name):
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_every_sqlite_connection_has_the_rules_that_keep_data_safe(sqlite):
    with connected(sqlite) as first, connected(sqlite) as second, opening.writer(sqlite) as third:
        for connection in (first, second, third):
            names = ("foreign_keys", "synchronous", "journal_mode", "busy_timeout")
            assert [pragma(connection, name) for name in names] == [1, 2, "wal", 30_000]


def test_a_reference_to_nothing_is_refused_on_every_sqlite_connection(sqlite):
    for _ in range(3):
        with pytest.raises(sa.exc.IntegrityError), writing(sqlite) as connection:
            connection.exec_driver_sql("INSERT INTO child VALUES (404)")
        sqlite.dispose()


def test_writers_take_the_write_lock_before_they_read(sqlite):
    said = []
    sa.event.listen(sqlite, "before_cursor_execute", lambda *told: said.append(told[2]))
    with writing(sqlite) as connection:
        connection.exec_driver_sql("SELECT 1")
    with connected(sqlite) as connection:
        connection.exec_driver_sql("SELECT 1")
    assert [statement for statement in said if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN"]


def test_no_update_is_lost_among_threads(database_url):
    database = open_database(database_url)
    with writing(database) as connection:
        connection.exec_driver_sql("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (1, 0)")
    lock = "" if database.dialect.name == "sqlite" else "FOR UPDATE"
    failed = []

    def count():
        try:
            for _ in range(50):
                with writing(database) as connection:
                    value = connection.exec_driver_sql(f"SELECT value FROM counter {lock}").scalar()
                    connection.exec_driver_sql(f"UPDATE counter SET value = {value + 1}")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connected(database) as connection:
        assert (failed, connection.exec_driver_sql("SELECT value FROM counter").scalar()) == ([], 200)
    database.dispose()


def test_a_block_that_fails_leaves_nothing(sqlite):
    with pytest.raises(RuntimeError), writing(sqlite) as connection:
        connection.exec_driver_sql("UPDATE counter SET value = 7")
        raise RuntimeError
    with connected(sqlite) as connection:
        assert connection.exec_driver_sql("SELECT value FROM counter").scalar() == 0


def test_a_locked_sqlite_file_is_one_sentence(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_PRAGMAS", ("PRAGMA busy_timeout=50", *opening._PRAGMAS[1:]))
    other = sqlite3.connect(tmp_path / "portage.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    again = open_database(str(sqlite.url))
    with pytest.raises(DatabaseError, match="is busy: nothing was written"), writing(again):
        pass
    other.close()
    again.dispose()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "is not a database URL"),
        ("mysql://x/y", "works with SQLite and PostgreSQL, not with mysql"),
        ("sqlite://", "needs a SQLite file"),
        ("sqlite:///:memory:", "needs a SQLite file"),
    ],
)
def test_a_url_that_names_no_database_portage_knows_is_a_usage_error(url, sentence):
    with pytest.raises(UsageError, match=sentence):
        open_database(url)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all/portage.db", "postgresql://nobody:secret@127.0.0.1:1/none"],
)
def test_a_database_that_cannot_be_reached_is_one_sentence_without_the_password(url):
    database = open_database(url)
    with pytest.raises(DatabaseError) as failed, connected(database):
        pass
    assert "\n" not in str(failed.value)
    assert "secret" not in str(failed.value)
    database.dispose()


def test_a_read_only_sqlite_file_is_one_sentence(sqlite, monkeypatch):
    monkeypatch.setattr(opening, "_PRAGMAS", (*opening._PRAGMAS, "PRAGMA query_only=ON"))  # root may write to any file
    again = open_database(str(sqlite.url))
    with pytest.raises(DatabaseError, match="is read-only: nothing was written"), writing(again) as connection:
        connection.exec_driver_sql("UPDATE counter SET value = 1")
    again.dispose()


def test_a_file_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "portage.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    database = open_database(f"sqlite:///{tmp_path / 'portage.db'}")
    with pytest.raises(DatabaseError) as failed, connected(database):
        pass
    assert "\n" not in str(failed.value)
    database.dispose()


def test_an_old_sqlite_is_told_of(tmp_path, monkeypatch):
    """Before 3.51.3 two connections can corrupt a WAL (RISKS F16); from then on there is nothing to say."""
    database = open_database(f"sqlite:///{tmp_path / 'portage.db'}")
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 40, 1))
    assert [note.split(":")[1] for note in startup_notes(database)] == [" writers take turns under a lock file."]
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 51, 3))
    assert startup_notes(database) == []
    database.dispose()
