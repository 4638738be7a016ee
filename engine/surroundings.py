"""What a run works with, and whom it tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from engine.catalog.model import Catalog
from engine.dialects.port import Dialect
from engine.dialects.records import Records
from engine.storage import Storage

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, rows done, and rows in all (0 where nobody knows yet)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run works with."""

    catalog: Catalog
    database: sa.Engine
    dialect: Dialect
    records: Records
    storage: Storage
