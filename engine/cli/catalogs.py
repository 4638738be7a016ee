"""The commands ``catalog show``, ``catalog check`` and ``catalog reflect``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.door import Door, command, group
from engine.cli.drawing import draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from engine.catalog.model import Catalog, Entity, Field


def add_commands(app: typer.Typer) -> None:
    """``app`` has the group of commands."""
    catalog_app = typer.Typer(help="What the entities are.", no_args_is_help=True)
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
    ) -> int:
        """Make a catalog from the tables of a database that exists."""
        raise NotImplementedError


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
