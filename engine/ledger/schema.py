"""Brings the ledger's tables to the newest revision, and refuses a ledger newer than this program."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from engine.errors import UsageError
from engine.ledger.tables import translate

NEWEST = "0001"

SET_UP = 0x506F727461676500
"""Number of the lock under which one program at a time sets a database up: "Portage" in ASCII."""


def revision(connection: sa.Connection) -> str | None:
    """The revision the ledger stands at, or None where there is no ledger yet."""
    schema = translate(connection)[None]
    if not sa.inspect(connection).has_table("portage_migration", schema=schema):
        return None
    name = f"{schema}.portage_migration" if schema else "portage_migration"
    return connection.execute(sa.text(f"SELECT version_num FROM {name}")).scalar()


def upgrade(connection: sa.Connection) -> None:
    """The ledger stands at :data:`NEWEST`, made or migrated inside the connection's transaction.

    Raises UsageError where a newer Portage has been at work on it.
    """
    if connection.dialect.name == "postgresql":  # elsewhere a writer is alone anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SET_UP)))
    found = revision(connection)
    if found == NEWEST:
        return
    if found is not None and found > NEWEST:
        raise UsageError("This database was used by a newer Portage: update this one, nothing was changed.")
    schema = translate(connection)[None]
    if schema:
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    _run(connection)


def _run(connection: sa.Connection) -> None:
    from alembic import command  # slow to import, and needed once in a database's life
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)
