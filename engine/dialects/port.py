"""What a kind of database is to the engine: how rows are staged in it, and the SQL it words in its own way.

Everything else is the SQL both databases share. Names handed in are already quoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa
import sqlalchemy as sa

from engine.catalog.model import Entity, Field

SEQ = "->seq"
"""Primary key of every staged table: the row's place among all rows of its entity in the batch, from 1."""


class Stage(Protocol):
    """Temporary tables beside the records, gone when the stage is closed."""

    def load(self, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """A staged table holds the batches; its column SEQ is the primary key. Only before the transaction."""
        ...

    def name(self, table: str) -> str:
        """How SQL names the staged table."""
        ...

    def create(self, connection: sa.Connection, table: str, columns: str) -> None:
        """An empty staged table stands, with the columns of a CREATE TABLE; only inside the transaction."""
        ...

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """The one transaction over records, ledger and stage: commits at its end, rolls back if left otherwise."""
        ...


class Dialect(Protocol):
    """A kind of database."""

    name: str
    with_ids: str
    """What an INSERT says between its columns and its rows to give ids of its own to a table that makes them."""

    def stage(self, *, writes: bool) -> AbstractContextManager[Stage]:
        """A stage; with ``writes`` its transaction may change records and ledger."""
        ...

    def stored(self, column: str, field: Field, types: dict[str, str]) -> str:
        """SQL of the staged ``column`` as the value to store in the field's column."""
        ...

    def constant(self, value: pa.Array, field: Field, types: dict[str, str]) -> str:
        """SQL of the one ``value`` of a converted column, as the field's column stores it."""
        ...

    def text(self, column: str, field: Field) -> str:
        """SQL of a stored value's canonical text, as exports write it."""
        ...

    def differs(self, stored: str, staged: str, field: Field) -> str:
        """SQL that is true where the stored value is not the staged one (null equals null)."""
        ...

    def column_types(self, connection: sa.Connection, entity: Entity) -> dict[str, str]:
        """The database's own type of each column of the entity's table."""
        ...

    def lock(self, connection: sa.Connection, tables: list[str]) -> None:
        """Nobody else writes to the tables until the transaction ends."""
        ...

    def take_ids(self, connection: sa.Connection, entity: Entity, count: int) -> int:
        """``count`` integer ids are ours; answers the number before the first of them."""
        ...

    def json_object(self, pairs: list[tuple[str, str]]) -> str:
        """SQL of a JSON text with the members (name, SQL of a text or null)."""
        ...

    def without_indexes(
        self, connection: sa.Connection, entity: Entity, *, also_constraints: bool
    ) -> AbstractContextManager[None]:
        """The table is filled without its secondary indexes, which stand again at the end of the block."""
        ...

    def read(self, connection: sa.Connection, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a query as Arrow, streamed; read it to its end or close it, or the connection stays busy."""
        ...
