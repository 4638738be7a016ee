"""${message}."""

from alembic import context, op

from engine.ledger.tables import translate

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The ledger is as revision ${up_revision} leaves it."""
    ${upgrades if upgrades else "pass"}
