"""The commands that bring files in: ``inspect``, ``import``, ``plan`` and ``apply``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.door import Door, command, shown_lines
from engine.cli.drawing import draw_counts, draw_issues, draw_table
from engine.errors import PortageError, StalePlanError, UsageError
from engine.model import Counts, ImportOptions, ImportResult, IssueCounts

if TYPE_CHECKING:
    from rich.console import Console

    from engine.intake import Inspected
    from engine.service import ImportExportService

PLAN_FORMAT = 1

Files = Annotated[
    list[str],
    typer.Argument(metavar="[ENTITY=]FILE", help="Files, each with its entity where it should not be guessed."),
]
PolicyName = Annotated[
    Literal["skip", "update", "version", "ask"] | None,
    typer.Option(help="What happens to a record that differs from its row.", show_default="the catalog's"),
]
Rebuild = Annotated[
    bool,
    typer.Option(
        "--rebuild-constraints",
        help="Fill empty tables without indexes and references, and rebuild them (PostgreSQL; locks the tables).",
    ),
]
Partial = Annotated[bool, typer.Option("--partial", help="Commit the sound rows; the rest stays as an open batch.")]
IssuesFile = Annotated[
    Path | None,
    typer.Option(
        "--issues", metavar="FILE", help="Write all issues here, as CSV or JSON by the ending.", show_default=False
    ),
]
Encoding = Annotated[str | None, typer.Option(metavar="E", help="The files' encoding.", show_default="found out")]
Delimiter = Annotated[
    str | None, typer.Option(metavar="D", help="What stands between cells; also “tab”.", show_default="found out")
]
HeaderRow = Annotated[
    str | None,
    typer.Option(metavar="N|none", help="The row that holds the headings, from 1.", show_default="found out"),
]
Nulls = Annotated[
    list[str] | None,
    typer.Option("--null", metavar="TOKEN", help="A cell with this text clears the stored value.", show_default=False),
]


def add_commands(app: typer.Typer) -> None:
    """``app`` has the commands."""

    @command(app, "inspect")
    def inspect(
        door: Door,
        files: Annotated[list[str], typer.Argument(metavar="FILE", help="The files.")],
        encoding: Encoding = None,
        delimiter: Delimiter = None,
        header_row: HeaderRow = None,
    ) -> int:
        """Say what files are.

        Their format, encoding and columns, the entity they seem to hold, and why.
        """
        service = door.service()
        options = _options(encoding=encoding, delimiter=delimiter, header_row=header_row)
        found = service.inspect([(Path(file), Path(file).name) for file in files], options)
        value = {"files": [_described(item) for item in found]}
        door.answer(value, lambda console: _draw_inspected(console, found))
        return 0

    @command(app, "import")
    def import_files(
        door: Door,
        files: Files,
        policy: PolicyName = None,
        partial: Partial = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan it all, and write nothing.")] = False,
        issues: IssuesFile = None,
        encoding: Encoding = None,
        delimiter: Delimiter = None,
        header_row: HeaderRow = None,
        null: Nulls = None,
        rebuild: Rebuild = False,
    ) -> int:
        """Bring files in, or refuse them.

        All rows go in as one transaction; where anything is wrong, nothing is written.
        """
        options = _options(policy, partial, encoding, delimiter, header_row, null, rebuild)
        service, result = _run(door, files, options, issues, dry_run=dry_run)
        return _answer(door, service, result, issues)

    @command(app, "plan")
    def plan(
        door: Door,
        files: Files,
        output: Annotated[Path, typer.Option("--output", "-o", metavar="PLAN", help="Where the plan is kept.")],
        policy: PolicyName = None,
        partial: Partial = False,
        issues: IssuesFile = None,
        encoding: Encoding = None,
        delimiter: Delimiter = None,
        header_row: HeaderRow = None,
        null: Nulls = None,
        rebuild: Rebuild = False,
    ) -> int:
        """Plan an import, to be carried out by apply.

        No record is written. The plan says exactly what will change; apply does that, or refuses.
        """
        options = _options(policy, partial, encoding, delimiter, header_row, null, rebuild)
        service, result = _run(door, files, options, issues, dry_run=True)
        if result.status == "planned":
            _write_plan(output, result)
            door.note(f"The plan is in {output}: carry it out with apply {output}.")
        return _answer(door, service, result, issues)

    @command(app, "apply")
    def apply(
        door: Door, plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A file that `plan` wrote.")]
    ) -> int:
        """Carry out a plan, or refuse it as stale.

        If the database changed so that something else would happen than was planned, nothing is written.
        """
        planned = _read_plan(plan)
        service = door.service()
        started = time.perf_counter()
        try:
            partial = service.batch(planned["batch"]).options.partial
            with door.progress() as progress:
                result = service.commit(planned["batch"], planned["plan"], partial=partial, progress=progress)
        except StalePlanError as error:
            door.note(str(error))
            return _answer(door, service, _stale(planned, time.perf_counter() - started), None)
        return _answer(door, service, result, None)


def _run(
    door: Door, files: Sequence[str], options: ImportOptions, issues: Path | None, *, dry_run: bool
) -> tuple[ImportExportService, ImportResult]:
    """The files went the whole way, or up to the plan; an issues file that cannot be written is told before."""
    _check_issues_file(issues)
    service = door.service()
    with door.progress() as progress:
        return service, service.run_import(_targets(files), options, dry_run=dry_run, progress=progress)


def _targets(files: Sequence[str]) -> list[tuple[Path, str, str | None]]:
    """Path, name and entity of each argument; a file that is called so wins over ``ENTITY=FILE``."""
    found: list[tuple[Path, str, str | None]] = []
    for text in files:
        entity, mark, rest = text.partition("=")
        named = bool(mark) and not Path(text).exists()
        path = Path(rest if named else text)
        if not str(path) or str(path) == ".":
            raise UsageError(f"{text!r} names no file: write FILE or ENTITY=FILE.")
        found.append((path, path.name, entity if named else None))
    return found


def _options(
    policy: Literal["skip", "update", "version", "ask"] | None = None,
    partial: bool = False,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: str | None = None,
    nulls: Sequence[str] | None = None,
    rebuild: bool = False,
) -> ImportOptions:
    return ImportOptions(
        policy=policy,
        partial=partial,
        nulls=tuple(nulls or ()),
        encoding=_encoding(encoding),
        delimiter=_delimiter(delimiter),
        header_row=_header_row(header_row),
        rebuild_constraints=rebuild,
    )


def _encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        "".encode(name)
    except LookupError as error:
        raise UsageError(f"There is no encoding {name!r}: write utf-8, windows-1252 or another.") from error
    return name


def _delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    letter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(letter) != 1:
        raise UsageError(f"The delimiter {text!r} is not one character: write one, or tab.")
    return letter


def _header_row(text: str | None) -> int | None:
    if text is None:
        return None
    if text.lower() == "none":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"The header row {text!r} is not a row: write its number, from 1, or none.")
    return int(text)


def _check_issues_file(file: Path | None) -> None:
    """Before anything is imported, lest the import succeeds and its issues have nowhere to go."""
    if file is not None:
        from engine.issues_file import check_name

        check_name(file)


def _answer(door: Door, service: ImportExportService, result: ImportResult, file: Path | None) -> int:
    """The result is said, and its issues are written where the user asked for it; answers the exit code."""
    from engine.issues_file import in_order, write_issues

    issues = service.issues(result.batch)
    written = None
    if file is not None:
        try:
            write_issues(issues, file)
            written = str(file)
        except PortageError as error:  # what the import did stands, and must be said
            door.note(f"The issues were not written. {error}")
    value = result_value(result, written)

    def draw(console: Console) -> None:
        draw_counts(console, result.entities)
        draw_issues(console, result.issues, in_order(issues))
        console.print(_verdict(result), soft_wrap=True)

    door.answer(value, draw)
    return 1 if result.status == "refused" else 0


def result_value(result: ImportResult, issues_file: str | None) -> dict[str, Any]:
    """The result as ``--json`` gives it; the remainder only where a partial import left one."""
    value = {
        "batch": result.batch,
        "status": result.status,
        "plan": result.plan,
        "entities": {name: asdict(counts) for name, counts in result.entities.items()},
        "issues": asdict(result.issues),
        "issues_file": issues_file,
        "seconds": result.seconds,
    }
    return value | ({"remainder": result.remainder} if result.remainder else {})


def _verdict(result: ImportResult) -> str:
    written = sum(counts.written for counts in result.entities.values())
    if result.status == "committed":
        rest = f" The rows left out wait in batch {result.remainder}." if result.remainder else ""
        return f"Committed: {_records(written)} written in {result.seconds:.1f} s (batch {result.batch}).{rest}"
    if result.status == "planned":
        return f"Planned: {_records(written)} would be written; nothing was (batch {result.batch})."
    errors = "1 error" if result.issues.error == 1 else f"{result.issues.error:,} errors"
    return f"Refused: {errors}, nothing was written (batch {result.batch})."


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


def _write_plan(file: Path, result: ImportResult) -> None:
    from engine.whole_files import write_whole

    said = {
        "format": PLAN_FORMAT,
        **result_value(result, None),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_whole(file, json.dumps(said, ensure_ascii=False, indent=2).encode())


def _read_plan(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no plan {file}: check its name.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as a plan: name a file that the command plan wrote.") from error
    wanted = {"format", "batch", "plan", "entities", "issues"}
    if not isinstance(said, dict) or not wanted <= set(said) or said["format"] != PLAN_FORMAT:
        raise UsageError(f"{file} is no plan: name a file that the command plan wrote.")
    return said


def _stale(planned: dict[str, Any], seconds: float) -> ImportResult:
    """The result of a plan that is no longer what would happen."""
    known = planned["issues"]
    by_code = {**known["by_code"], "conflict.stale": 1}
    return ImportResult(
        planned["batch"],
        "refused",
        planned["plan"],
        {name: Counts(**counts) for name, counts in planned["entities"].items()},
        IssueCounts(known["error"] + 1, known["warning"], by_code),
        round(seconds, 3),
    )


def _described(item: Inspected) -> dict[str, Any]:
    part = item.part
    return {
        "file": item.file,
        "part": part.name,
        "format": item.format,
        **asdict(part.options),
        "certain": part.certain,
        "entity": item.entity,
        "why": item.why,
        "columns": list(part.columns),
        "mapping": item.mapping,
        "notes": list(part.notes),
    }


def _draw_inspected(console: Console, found: Sequence[Inspected]) -> None:
    for item in found:
        console.print(_told(item), soft_wrap=True)
        fields = [(name, item.mapping.get(name, "(left out)")) for name in item.part.columns]
        draw_table(console, ["column", "field"], fields)


def _told(item: Inspected) -> str:
    part = item.part
    title = f"{item.file}#{part.name}" if part.name else item.file
    read = [item.format, part.options.encoding]
    read += [f"delimiter {part.options.delimiter!r}"] if part.options.delimiter else []
    read += [f"headings in row {part.options.header_row}"] if part.options.header_row else []
    first = f"{title}: {', '.join(text for text in read if text)}"
    return shown_lines([first, f"{item.entity or 'no entity'} ({item.why})", *part.notes])
