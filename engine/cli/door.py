"""What every command has: the common options, the service behind them, and one way to answer.

An answer is one JSON object on stdout under ``--json``, else drawn for people; whatever else there is to say goes to
stderr.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from engine.service import ImportExportService
    from engine.settings import Settings

Progress = Callable[[str, int, int], None]
Draw = Callable[["Console"], object]

PANEL = "Common options"
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database: sqlite:///FILE or postgresql://USER@HOST/NAME.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
CatalogFile = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help="The catalog that describes its entities.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
User = Annotated[
    str | None,
    typer.Option("--user", metavar="NAME", help="Who the history names.", rich_help_panel=PANEL, show_default=False),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.", rich_help_panel=PANEL),
]


@dataclass(slots=True)
class Door:
    """The common options as they were given before and after the command; the later word wins."""

    database: str | None = None
    catalog: str | None = None
    user: str | None = None
    json: bool = False
    opened: list[ImportExportService] = field(default_factory=list)

    def take(self, database: str | None, catalog: str | None, user: str | None, as_json: bool) -> None:
        """What was given counts from now on."""
        self.database = database or self.database
        self.catalog = catalog or self.catalog
        self.user = user or self.user
        self.json = self.json or as_json

    def settings(self) -> Settings:
        """The settings under the common options."""
        from engine.settings import read_settings

        return read_settings(database_url=self.database, catalog_file=self.catalog, user=self.user)

    def service(self) -> ImportExportService:
        """The service on the chosen database and catalog."""
        from engine.service import ImportExportService

        service = ImportExportService(self.settings())
        self.opened.append(service)
        return service

    def close(self) -> None:
        """Nothing the command opened stays open."""
        for service in self.opened:
            service.close()

    def answer(self, value: Mapping[str, Any], draw: Draw) -> None:
        """The command's one answer is on stdout, for machines or for people."""
        try:
            if self.json:
                sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
            else:
                draw(console(sys.stdout))
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough (`| head`); what was done is done
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def note(self, sentence: str) -> None:
        """The sentence is on stderr; of a catalog there may be several, a line each."""
        console(sys.stderr).print(shown_lines(sentence.splitlines()), soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Shows how far a run is, on stderr where that is a terminal."""
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        target = console(sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        stages: dict[str, TaskID] = {}
        with Bars(*columns, console=target, disable=not target.is_terminal, transient=True) as bars:

            def report(stage: str, done: int, total: int) -> None:
                if stage not in stages:
                    stages[stage] = bars.add_task(stage, total=None)
                bars.update(stages[stage], completed=done, total=total or None)

            yield report


def console(file: Any) -> Console:
    """A console that takes no word of data for markup; wide where nobody looks at its width."""
    from rich.console import Console

    wide = None if file.isatty() else 200
    return Console(file=file, markup=False, highlight=False, emoji=False, width=wide)


def shown(text: str) -> str:
    """The text as a terminal may show it: letters that would command it are spelled out."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def shown_lines(texts: Iterable[str]) -> str:
    """Each text on a line of its own."""
    return "\n".join(shown(text) for text in texts)


def group(app: typer.Typer) -> None:
    """The common options may stand before the group's commands."""

    @app.callback()
    def common(
        context: typer.Context,
        database: Database = None,
        catalog: CatalogFile = None,
        user: User = None,
        as_json: AsJson = False,
    ) -> None:
        context.obj.take(database, catalog, user, as_json)


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The function is a command of ``app``, with the common options beside its own; it answers the exit code.

    Its first parameter is the :class:`Door`.
    """

    def register(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = list(inspect.signature(_common, eval_str=True).parameters.values())

        def run(**given: Any) -> int:
            context: typer.Context = given.pop("context")
            door: Door = context.obj
            door.take(*(given.pop(item.name) for item in common[1:]))
            return function(door, **given)

        parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in (common[0], *own, *common[1:])]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in parameters}
        run.__doc__ = function.__doc__
        app.command(name)(run)
        return function

    return register


def _common(
    context: typer.Context,
    database: Database = None,
    catalog: CatalogFile = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Only its parameters matter: every command has them."""
