"""The ledger's tables, as the newest migration leaves them.

They stand beside the records, so that both commit together: prefix ``portage_``, and in a schema
of their own called ``portage`` where the database has schemas. Times are ISO 8601 text in UTC: they order,
read alike everywhere, and survive any driver.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "portage"

tables = sa.MetaData()

batch = sa.Table(
    "portage_batch",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(40), nullable=False, unique=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("catalog", sa.String(64), nullable=False),
    sa.Column("parent", sa.String(40)),
    sa.Column("options", sa.Text, nullable=False),
)

source = sa.Table(
    "portage_source",
    tables,
    sa.Column("batch", sa.Integer, sa.ForeignKey(batch.c.number), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
)

step = sa.Table(
    "portage_step",
    tables,
    sa.Column("batch", sa.Integer, sa.ForeignKey(batch.c.number), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)

# The changes of a commit stand between first_change and last_change (among those of commits made at
# the same time): a range of the primary key costs nothing, an index on batch would cost a third of the log.
result = sa.Table(
    "portage_result",
    tables,
    sa.Column("batch", sa.Integer, sa.ForeignKey(batch.c.number), primary_key=True),
    sa.Column("plan", sa.String(64), nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("committed_at", sa.String(40), nullable=False),
    sa.Column("first_change", sa.BigInteger, nullable=False),
    sa.Column("last_change", sa.BigInteger, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
)

change = sa.Table(
    "portage_change",
    tables,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("batch", sa.Integer, nullable=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("record_id", sa.BigInteger),
    sa.Column("record_key", sa.Text),
    sa.Column("action", sa.String(8), nullable=False),
    sa.Column("field", sa.Text),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("source", sa.Integer),
    sa.Column("row_number", sa.BigInteger),
)
"""One line per changed cell, and one per inserted record (``field`` null: its values are the record's first).

A record is named by its integer id, or by its key's text where the database gives it no integer id.
"""

version = sa.Table(
    "portage_version",
    tables,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("record_id", sa.BigInteger),
    sa.Column("record_key", sa.Text),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("batch", sa.Integer, nullable=False),
)
"""Earlier states of records, numbered from 1; ``batch`` is the one whose commit replaced the state."""

for _table in (change, version):
    for _column in (_table.c.record_id, _table.c.record_key):
        _filled = _column.is_not(None)
        sa.Index(
            f"ix_{_table.name}_{_column.name}", _table.c.entity, _column, sqlite_where=_filled, postgresql_where=_filled
        )


def translate(database: sa.Engine | sa.Connection) -> dict[str | None, str | None]:
    """The schema translation under which the tables are found in this database."""
    return {None: SCHEMA if database.dialect.name == "postgresql" else None}
