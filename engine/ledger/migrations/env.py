"""Runs the ledger's migrations on the connection :func:`engine.ledger.schema.upgrade` hands over."""

from alembic import context

from engine.ledger.tables import translate

connection = context.config.attributes["connection"]
schema = translate(connection)[None]
context.configure(
    connection=connection,
    version_table="portage_migration",
    version_table_schema=schema,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
