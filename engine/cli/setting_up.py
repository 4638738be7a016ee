"""The command ``init``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.door import Door, command
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.service import ImportExportService


def add_commands(app: typer.Typer) -> None:
    """``app`` has the command."""

    @command(app, "init")
    def init(
        door: Door,
        sample: Annotated[bool, typer.Option("--sample", help="Fill empty tables with the sample's records.")] = False,
    ) -> int:
        """Create the database from the catalog.

        Tables that stand already are left as they are.
        """
        service = door.service()
        made = service.init()
        loaded = sample and _load_sample(door, service)
        counts = service.record_counts()
        place = service.database.url.render_as_string(hide_password=True)
        value: dict[str, Any] = {"database": place, "tables": made, "sample": loaded, "records": counts}
        for note in service.startup_notes() if made else ():  # once is enough
            door.note(note)
        held = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        door.answer(value, lambda console: console.print(f"{place} is ready: {held}.", soft_wrap=True))
        return 0


def _load_sample(door: Door, service: ImportExportService) -> bool:
    """The sample's clean files are imported, if there are no records yet; answers whether they were."""
    from engine.settings import SAMPLE

    files = sorted((SAMPLE / "clean").glob("*.csv"))
    strangers = [file.stem for file in files if file.stem not in service.catalog]
    if strangers:
        raise UsageError(f"The sample's records need the sample's catalog: this one has no {', '.join(strangers)}.")
    if any(service.record_counts().values()):
        door.note("The tables have records already, so the sample was not loaded.")
        return False
    with door.progress() as progress:
        result = service.run_import([(file, file.name, file.stem) for file in files], progress=progress)
    if result.status != "committed":
        raise UsageError("The sample's records do not fit this catalog: use the sample's own.")
    return True
