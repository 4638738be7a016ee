"""The commands ``catalog show``, ``catalog check`` and ``catalog reflect``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.door import Door, command, group
from engine.cli.drawing import draw_table
from engine.errors import UsageError
from engine.whole_files import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from engine.catalog.model import Catalog, Entity, Field


def add_commands(app: typer.Typer) -> None:
    """``app`` has the group of commands."""
    catalog_app = typer.Typer(help="What the entities are.")
    group(catalog_app)
    app.add_typer(catalog_app, name="catalog")

    @command(catalog_app, "show")
    def show(door: Door) -> int:
        """List the entities in the order in which they are stored."""
        from engine.catalog.loader import load_catalog

        catalog = load_catalog(door.settings().catalog_file)
        door.answer(_described(catalog), lambda console: _draw(console, catalog))
        return 0

    @command(catalog_app, "check")
    def check(door: Door) -> int:
        """Check that the catalog is sound, and that it fits the database."""
        service = door.service()
        service.check_catalog()
        catalog = service.catalog
        value = {"catalog": catalog.name, "file": catalog.file, "entities": len(catalog.entities), "fits": True}
        sentence = f"{catalog.file} is sound, and its {len(catalog.entities)} entities fit the database."
        door.answer(value, lambda console: console.print(sentence, soft_wrap=True))
        return 0

    @command(catalog_app, "reflect")
    def reflect(
        door: Door,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here.", show_default="stdout")
        ] = None,
        schema: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="The schema of the tables.", show_default="the database's own"),
        ] = None,
    ) -> int:
        """Make a catalog from the tables of a database.

        It is a start: read it, name the entities and fields as people do, and say what the database does not.
        """
        from engine.catalog.writer import to_toml

        catalog, notes = _reflected(door.settings().database_url, schema)
        text = to_toml(catalog)
        if output is not None:
            write_whole(output, text.encode())
        for note in notes:
            door.note(note)
        entities = [entity.name for entity in catalog.entities]
        value = {"file": str(output) if output else None, "entities": entities, "notes": notes, "toml": text}
        sentence = f"{output} describes {len(entities)} entities: {', '.join(entities)}."
        door.answer(value, lambda console: console.print(sentence if output else text, soft_wrap=True))
        return 0


def _reflected(url: str, schema: str | None) -> tuple[Catalog, list[str]]:
    """The catalog of the database's tables; UsageError where there is no such database, or nothing in it."""
    from engine.catalog.reflect import reflect
    from engine.database import connected, open_database

    database = open_database(url)
    file = database.url.database
    if database.dialect.name == "sqlite" and file and not Path(file).exists():
        raise UsageError(f"There is no database {file}: check its name.")
    with connected(database):  # a database that does not answer is told as every command tells it
        catalog, notes = reflect(database, schema)
    if not catalog.entities:
        place = database.url.render_as_string(hide_password=True)
        raise UsageError(f"The database {place} has no tables that a catalog can describe.")
    return catalog, notes


def _described(catalog: Catalog) -> dict[str, Any]:
    from engine.catalog.order import dependency_order, late_references

    entities = [_described_entity(entity) for entity in dependency_order(catalog)]
    late = [f"{entity}.{field}" for entity, field in sorted(late_references(catalog))]
    return {"catalog": catalog.name, "file": catalog.file, "digest": catalog.digest, "entities": entities, "late": late}


def _described_entity(entity: Entity) -> dict[str, Any]:
    said = asdict(entity)
    return {name: said[name] for name in ("name", "label", "schema", "table", "key", "display", "policy", "fields")}


def _draw(console: Console, catalog: Catalog) -> None:
    from engine.catalog.order import dependency_order

    for entity in dependency_order(catalog):
        console.print(f"{entity.name} (table {entity.table}, key {', '.join(entity.key)}, policy {entity.policy})")
        rows = [(item.name, _kind(item), _needs(item), item.example) for item in entity.fields]
        draw_table(console, ["field", "type", "", "example"], rows)


def _kind(item: Field) -> str:
    if item.reference is not None:
        return f"→ {item.reference.to}"
    return f"decimal({item.precision},{item.scale or 0})" if item.kind == "decimal" and item.precision else item.kind


def _needs(item: Field) -> str:
    return ", ".join(word for word, holds in (("required", item.required), ("unique", item.unique)) if holds)
