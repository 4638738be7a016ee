"""What tests stand on: a scratch home and database for each, prepared once and then only copied.

Everything a test may ask for is made for SQLite and for PostgreSQL, so that a test that names no database runs on both.
PostgreSQL is looked for at ``PORTAGE_TEST_POSTGRES``; where none answers those tests are skipped, or fail if CI=true.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from engine.catalog.loader import load_catalog
from engine.issues import Issue, to_issues
from engine.ledger.tables import change as change_table
from engine.ledger.tables import translate
from engine.ledger.tables import version as version_table
from engine.model import ImportOptions, ImportResult
from engine.service import ImportExportService
from engine.settings import Settings

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"
CLEAN = ("order_line", "order", "product", "person", "organization")
SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)

hypothesis_settings.register_profile(
    "portage",
    deadline=None,  # a shared machine is slow for reasons that are not the code's
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
hypothesis_settings.load_profile("portage")

File = tuple[Path, str, str | None]


@dataclass(slots=True)
class Desk:
    """One service on a database of its own, and short ways to feed it and to look at what it stored."""

    service: ImportExportService
    folder: Path
    new_id: Callable[[], str]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _others: list[ImportExportService] = field(default_factory=list)

    def file(self, name: str, text: str | bytes, entity: str | None = None) -> File:
        """A file of this name and content, ready to import."""
        folder = self.folder / f"in{next(self._numbers)}"
        folder.mkdir(parents=True)
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path, name, entity

    def files(self, **texts: str) -> list[File]:
        """A CSV file for each entity named."""
        return [self.file(f"{entity}.csv", text, entity) for entity, text in texts.items()]

    def run(self, options: ImportOptions = ImportOptions(), *, dry_run: bool = False, **texts: str) -> ImportResult:
        """The CSV texts of the entities named are imported."""
        return self.service.run_import(self.files(**texts), options, dry_run=dry_run)

    def open(self, options: ImportOptions = ImportOptions(), **texts: str) -> str:
        """An open batch of the CSV texts of the entities named; answers its id."""
        return self.service.open_batch(self.files(**texts), options).id

    def load(self, **texts: str) -> ImportResult:
        """The same as ``run``, and it must be committed."""
        done = self.run(**texts)
        assert done.status == "committed", self.problems(done.batch)
        return done

    def issues(self, batch: str) -> list[Issue]:
        """All issues of a batch as it stands."""
        return list(to_issues(self.service.check(batch).run.issues))

    def saved_issues(self, batch: str) -> list[Issue]:
        """The issues of a batch's last check, open or not."""
        return list(to_issues(self.service.issues(batch)))

    def problems(self, batch: str) -> list[tuple[int | None, str | None, str]]:
        """(row number, field, code) of all issues, sorted."""
        found = [(issue.row_number, issue.field, issue.code) for issue in self.issues(batch)]
        return sorted(found, key=lambda item: (item[0] or 0, item[1] or "", item[2]))

    def clean_files(self) -> list[File]:
        """The clean sample, the entities that refer to others first."""
        return [(SAMPLE / "clean" / f"{name}.csv", f"{name}.csv", None) for name in CLEAN]

    def again(self) -> ImportExportService:
        """A second service on the same home and database, as another process would open it."""
        settings, catalog = self.service.settings, self.service.catalog
        other = ImportExportService(settings, clock=lambda: NOON, new_id=self.new_id, catalog=catalog)
        self._others.append(other)
        return other

    def close(self) -> None:
        """No connection is left open."""
        for service in (self.service, *self._others):
            service.database.dispose()

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.service.database.connect() as connection:
            rows = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
            return [tuple(row) for row in rows]

    def write(self, sql: str) -> int:
        """Somebody else's transaction; answers how many rows it touched."""
        with self.service.database.begin() as connection:
            return connection.exec_driver_sql(sql).rowcount

    def records(self, entity: str, *names: str) -> list[tuple[str | None, ...]]:
        """Fields of every record of an entity as canonical text, references as keys, sorted."""
        from engine.dialects.records import Joins  # here, so that only tests which look inside need it

        records, wanted = self.service.around.records, self.service.catalog.entity(entity)
        joins = Joins()
        columns = [records.field_text(wanted.field(name), "t", joins) for name in names]
        found = self.read(f"SELECT {', '.join(columns)} FROM {records.table(wanted)} AS t {joins}")
        return sorted(found, key=lambda row: [(value is not None, value or "") for value in row])

    def changes(self) -> list[tuple[Any, ...]]:
        """The log but for its numbers: (entity, record key or id, action, field, before, after, source, row number)."""
        c = change_table.c
        named = sa.func.coalesce(c.record_key, sa.cast(c.record_id, sa.Text))
        query = sa.select(c.entity, named, c.action, c.field, c.before, c.after, c.source, c.row_number)
        return self._ledger(query.order_by(c.seq))

    def versions(self) -> list[tuple[Any, ...]]:
        """(entity, record id, number, state) of every version kept."""
        v = version_table.c
        return self._ledger(sa.select(v.entity, v.record_id, v.number, v.state).order_by(v.seq))

    def ledger_count(self, table: str) -> int:
        """How many lines a ledger table has."""
        return int(self.read(f"SELECT count(*) FROM {self.ledger(table)}")[0][0])

    def ledger(self, table: str) -> str:
        """How SQL names a ledger table."""
        schema = translate(self.service.database)[None]
        return f"{schema}.{table}" if schema else table

    def _ledger(self, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        with self.service.database.connect() as connection:
            bound = connection.execution_options(schema_translate_map=translate(connection))
            return [tuple(row) for row in bound.execute(query)]

    def state(self) -> tuple[Any, ...]:
        """Everything a commit may change: all records, the log, the versions, and how each batch ended."""
        catalog = self.service.catalog
        records = {e.name: self.records(e.name, *(item.name for item in e.fields)) for e in catalog.entities}
        batches = self.ledger("portage_batch")
        ended = self.read(f"SELECT status, count(*) FROM {batches} WHERE status <> 'open' GROUP BY status")
        return records, self.changes(), self.versions(), sorted(ended), self.ledger_count("portage_result")


@dataclass(slots=True)
class Scratch:
    """Makes databases of one kind: each prepared once per catalog and content, then copied for every test."""

    kind: str
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _made: dict[tuple[str, bool], tuple[Path, str]] = field(default_factory=dict)
    _databases: list[str] = field(default_factory=list)

    @contextmanager
    def empty(self, home: Path) -> Iterator[str]:
        """The URL of a new, empty database."""
        url = self._url(home, None)
        yield url
        self._drop(url)

    @contextmanager
    def desk(self, catalog: str = "sample", *, loaded: bool = False, home: Path | None = None) -> Iterator[Desk]:
        """A desk on a database with the catalog's tables; ``loaded`` with the clean sample's records too."""
        home = home or self.folder / f"home{next(self._numbers)}"
        prepared, template = self._prepared(catalog, loaded)
        shutil.copytree(prepared / "home", home, dirs_exist_ok=True)
        url = self._url(home, template)
        made = _desk(home, url, catalog, "b")
        try:
            yield made
        finally:
            made.close()
            self._drop(url)

    def close(self) -> None:
        """No database is left behind."""
        for _, name in self._made.values():
            self._drop(name)

    def _prepared(self, catalog: str, loaded: bool) -> tuple[Path, str]:
        if (catalog, loaded) not in self._made:
            folder = self.folder / f"prepared{next(self._numbers)}"
            home = folder / "home"
            home.mkdir(parents=True)
            url = self._url(home, None)
            made = _desk(home, url, catalog, "prepared")
            made.service.init()
            if loaded:
                assert made.service.run_import(made.clean_files()).status == "committed"
            made.close()
            self._made[catalog, loaded] = folder, url
        return self._made[catalog, loaded]

    def _url(self, home: Path, template: str | None) -> str:
        """A new database, copied from the one at the URL ``template`` (a SQLite file came along with its home)."""
        if self.kind == "sqlite":
            return f"sqlite:///{home / 'portage.db'}"
        name = f"portage_test_{os.getpid()}_{next(self._numbers)}_{os.urandom(3).hex()}"
        source = sa.make_url(template).database if template else "template0"
        with _server() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return sa.make_url(_server_url()).set(database=name).render_as_string(hide_password=False)

    def _drop(self, url: str) -> None:
        if self.kind == "postgresql":
            with _server() as connection:
                connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{sa.make_url(url).database}" WITH (FORCE)')


def _desk(home: Path, url: str, catalog: str, prefix: str) -> Desk:
    numbers = itertools.count(1)

    def new_id() -> str:
        return f"{prefix}{next(numbers):03}"

    path = _catalog_file(catalog)
    wanted = Settings(home, url, str(home / "storage"), path, "tester")
    service = ImportExportService(wanted, clock=lambda: NOON, new_id=new_id, catalog=_catalog(path))
    return Desk(service, home / "given", new_id)


def _catalog_file(name: str) -> Path:
    return SAMPLE / "catalog.toml" if name == "sample" else Path(__file__).parent / "catalogs" / f"{name}.toml"


_catalog = cache(load_catalog)


def _server_url() -> str:
    return os.environ.get("PORTAGE_TEST_POSTGRES", SERVER)


@contextmanager
def _server() -> Iterator[sa.Connection]:
    database = sa.create_engine(
        _server_url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool, connect_args={"connect_timeout": 5}
    )
    with database.connect() as connection:
        yield connection


@cache
def _why_no_server() -> str | None:
    try:
        with _server():
            return None
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        return f"no PostgreSQL answers at {_server_url()} (PORTAGE_TEST_POSTGRES): {reason}"


def _require_server() -> None:
    reason = _why_no_server()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def sqlite_scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Makes SQLite databases."""
    return Scratch("sqlite", tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Makes PostgreSQL databases."""
    _require_server()
    scratch = Scratch("postgresql", tmp_path_factory.mktemp("postgresql"))
    yield scratch
    scratch.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def scratch(request: pytest.FixtureRequest) -> Scratch:
    """Makes databases of either kind: a test that asks for it, or for what follows, runs on both."""
    return request.getfixturevalue(f"{request.param}_scratch")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for PORTAGE_HOME."""
    return tmp_path / "home"


@pytest.fixture
def database_url(scratch: Scratch, home: Path) -> Iterator[str]:
    """The URL of a new, empty database; a SQLite file stands in ``home``."""
    with scratch.empty(home) as url:
        yield url


@pytest.fixture
def desk(scratch: Scratch, home: Path) -> Iterator[Desk]:
    """The sample's catalog on a database without records."""
    with scratch.desk(home=home) as made:
        yield made


@pytest.fixture
def sample_desk(scratch: Scratch, home: Path) -> Iterator[Desk]:
    """The clean sample, loaded."""
    with scratch.desk(loaded=True, home=home) as made:
        yield made


@pytest.fixture
def sqlite_desk(sqlite_scratch: Scratch, home: Path) -> Iterator[Desk]:
    """The clean sample on SQLite only, for what no database has a part in."""
    with sqlite_scratch.desk(loaded=True, home=home) as made:
        yield made


@pytest.fixture
def sqlite_empty_desk(sqlite_scratch: Scratch, home: Path) -> Iterator[Desk]:
    """The same without records."""
    with sqlite_scratch.desk(home=home) as made:
        yield made


@pytest.fixture
def circle_desk(scratch: Scratch, home: Path) -> Iterator[Desk]:
    """Two entities that refer to each other; no records."""
    with scratch.desk("circle", home=home) as made:
        yield made


@pytest.fixture
def shapes_desk(scratch: Scratch, home: Path) -> Iterator[Desk]:
    """Natural keys, composite references, UUIDs, every kind of value; no records."""
    with scratch.desk("shapes", home=home) as made:
        yield made


@pytest.fixture
def service(desk: Desk) -> ImportExportService:
    """A service on the sample's catalog, without records."""
    return desk.service


@pytest.fixture
def sample_service(sample_desk: Desk) -> ImportExportService:
    """A service with the clean sample loaded."""
    return sample_desk.service


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Files of the real world, kept beside the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there are no files of the real world at {folder}")
    return folder
