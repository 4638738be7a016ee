"""The commands that write files for people: ``export`` and ``template``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.door import Door, command, shown_lines
from engine.cli.drawing import draw_table
from engine.errors import UsageError
from engine.model import ExportOptions

Format = Literal["csv", "json", "jsonl"]
TemplateFormat = Literal["csv", "json"]
Entities = Annotated[
    list[str] | None, typer.Argument(metavar="ENTITY", help="Which entities.", show_default="all of them")
]


def add_commands(app: typer.Typer) -> None:
    """``app`` has the commands."""

    @command(app, "export")
    def export(
        door: Door,
        output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder for the files.")],
        entities: Entities = None,
        format: Annotated[Format, typer.Option(help="The files' format.")] = "csv",
        where: Annotated[
            list[str] | None,
            typer.Option(
                metavar="FIELD=VALUE",
                help="Only records with this value; may be repeated. ENTITY.FIELD=VALUE where several have it.",
                show_default=False,
            ),
        ] = None,
    ) -> int:
        """Take records out, as files.

        All files show the database at the same instant; importing them again changes nothing.
        """
        options = ExportOptions(tuple(entities or ()), format, tuple(_pair(text) for text in where or ()))
        service = door.service()
        with door.progress() as progress:
            result = service.export(options, output, progress=progress)
        rows = [(name, f"{count:,}") for name, count in result.entities.items()]
        door.answer(asdict(result), lambda console: draw_table(console, ["entity", "records"], rows, numbers=1))
        door.note(f"Written: {', '.join(result.files)}")
        return 0

    @command(app, "template")
    def template(
        door: Door,
        entities: Entities = None,
        output: Annotated[
            Path, typer.Option("--output", "-o", metavar="DIR", help="The folder for the files.")
        ] = Path(),
        format: Annotated[TemplateFormat, typer.Option(help="The files' format.")] = "csv",
    ) -> int:
        """Make files to fill in, one per entity."""
        files = [str(file) for file in door.service().templates(tuple(entities or ()), output, format)]
        door.answer({"files": files}, lambda console: console.print(shown_lines(files), soft_wrap=True))
        return 0


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise UsageError(f"{text!r} is no condition: write FIELD=VALUE.")
    return name.strip(), value
