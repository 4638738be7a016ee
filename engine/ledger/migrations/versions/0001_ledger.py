"""The ledger: batches, sources, steps, results, changes, versions.

Frozen as it was: later changes to engine/ledger/tables.py come with a revision of their own.
"""

import sqlalchemy as sa
from alembic import op

from engine.ledger.tables import translate

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """The first ledger stands."""
    schema = translate(op.get_bind())[None]

    def reference(target: str) -> sa.ForeignKey:
        return sa.ForeignKey(f"{schema}.{target}" if schema else target)

    op.create_table(
        "portage_batch",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("catalog", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(40)),
        sa.Column("options", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "portage_source",
        sa.Column("batch", sa.Integer, reference("portage_batch.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "portage_step",
        sa.Column("batch", sa.Integer, reference("portage_batch.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        schema=schema,
    )
    op.create_table(
        "portage_result",
        sa.Column("batch", sa.Integer, reference("portage_batch.number"), primary_key=True),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("committed_at", sa.String(40), nullable=False),
        sa.Column("first_change", sa.BigInteger, nullable=False),
        sa.Column("last_change", sa.BigInteger, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "portage_change",
        sa.Column("seq", BIG, primary_key=True, autoincrement=True),
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
        schema=schema,
    )
    op.create_table(
        "portage_version",
        sa.Column("seq", BIG, primary_key=True, autoincrement=True),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("record_id", sa.BigInteger),
        sa.Column("record_key", sa.Text),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        schema=schema,
    )
    for table in ("portage_change", "portage_version"):
        for column in ("record_id", "record_key"):
            filled = sa.text(f"{column} IS NOT NULL")
            op.create_index(
                f"ix_{table}_{column}",
                table,
                ["entity", column],
                schema=schema,
                sqlite_where=filled,
                postgresql_where=filled,
            )
