"""Names and texts as they stand in SQL, written the standard way, which every database here understands.

SQLAlchemy's own quoting doubles ``%`` for drivers that look for parameters; the SQL made here has none.
"""

from __future__ import annotations

from engine.catalog.model import Entity

AS_IT_STANDS = {"no_parameters": True}
"""Execution options under which SQLAlchemy hands SQL to the driver without parameters: a ``%`` in it is a ``%``."""


def quoted(name: str) -> str:
    """The identifier, quoted whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def table_name(entity: Entity) -> str:
    """The entity's table, with its schema where it has one."""
    return f"{quoted(entity.schema)}.{quoted(entity.table)}" if entity.schema else quoted(entity.table)


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
