"""Which dialect a database speaks."""

from __future__ import annotations

import sqlalchemy as sa

from engine.dialects.port import Dialect
from engine.dialects.postgresql import PostgreSQLDialect
from engine.dialects.sqlite import SQLiteDialect


def dialect_of(database: sa.Engine) -> Dialect:
    """The dialect of an opened database."""
    return SQLiteDialect(database) if database.dialect.name == "sqlite" else PostgreSQLDialect(database)
