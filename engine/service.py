"""The Python door, behind which the command line, the screens and the HTTP API stand.

Every call is complete in itself: it opens what it needs, and leaves the batch in the ledger and the storage, so that
the next call may come from another process. The clock and the random ids come in as arguments.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine import pipeline
from engine.catalog.loader import load_catalog
from engine.catalog.model import Catalog
from engine.catalog.schema import check_fits, create_missing
from engine.database import connected, open_database, startup_notes, writing
from engine.dialects.choose import dialect_of
from engine.dialects.quoting import AS_IT_STANDS
from engine.dialects.records import Records
from engine.errors import DatabaseError, RefusedError, StalePlanError
from engine.export import Destination, chosen, export_records, snapshot
from engine.intake import File, Inspected, Intake, inspect_file, source_of
from engine.issues import SCHEMA as ISSUES
from engine.ledger import batches as ledger
from engine.ledger.history import Entry, Version, read_entry, read_history
from engine.ledger.schema import revision, upgrade
from engine.lineage import Change, changes_of, find_record, versions_of
from engine.mapping import guess
from engine.model import (
    Batch,
    Counts,
    ExportOptions,
    ExportResult,
    ImportOptions,
    ImportResult,
    IssueCounts,
    Policy,
    Source,
    Status,
    Step,
)
from engine.notebook import DECIDE, EDIT, EXCLUDE, MAP, POLICY, READ, UNDO, Notebook, as_read, effective, read_notebook
from engine.planning.plan import Plan, Settling
from engine.processors.port import Processor
from engine.processors.registry import processor_named
from engine.reading import Opened, stage_part, staged_reader
from engine.remainder import Remainder, keep_remainder
from engine.resolver.rows import Checked
from engine.runs import Run, load_run, run_folder, save_run
from engine.settings import Settings
from engine.storage import Storage
from engine.surroundings import Progress, Surroundings
from engine.templates import template_bytes, write_templates


def _now() -> datetime:
    return datetime.now(UTC)


def _id() -> str:
    return uuid.uuid4().hex[:12]


def _silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a batch would do as it stands: its plan and issues. ``digest`` is what a commit is held to."""

    batch: Batch
    run: Run
    counts: dict[str, Counts]
    issues: IssueCounts
    digest: str


class ImportExportService:
    """All that Portage does, on the database, catalog and storage of ``settings``."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = _now,
        new_id: Callable[[], str] = _id,
        catalog: Catalog | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._new_id = new_id
        self.catalog = catalog or load_catalog(settings.catalog_file)
        self.database = open_database(settings.database_url)
        if settings.database_url.startswith("sqlite"):
            _make_folder(settings.database_url)
        dialect = dialect_of(self.database)
        storage = Storage(settings.storage_url, settings.home / "cache")
        records = Records(self.catalog, dialect)
        self.around = Surroundings(self.catalog, self.database, dialect, records, storage)

    def startup_notes(self) -> list[str]:
        """What whoever sets Portage up should know about the database's software."""
        return startup_notes(self.database)

    def close(self) -> None:
        """No connection stays open."""
        self.database.dispose()

    # -- the database

    def init(self) -> list[str]:
        """The catalog's tables and the ledger stand; answers the tables that were made."""
        with writing(self.database) as connection:
            upgrade(connection)
            return create_missing(connection, self.catalog)

    def ready(self) -> None:
        """The ledger stands, and the catalog fits the database; UsageError says what is missing."""
        with connected(self.database) as connection:
            check_fits(connection, self.catalog)
            current = revision(connection)
        if current is None:
            with writing(self.database) as connection:
                upgrade(connection)

    def record_counts(self) -> dict[str, int]:
        """How many records each entity has."""
        with connected(self.database) as connection:
            tables = {entity.name: self.around.records.table(entity) for entity in self.catalog.entities}
            ask = partial(connection.exec_driver_sql, execution_options=AS_IT_STANDS)
            return {name: int(ask(f"SELECT count(*) FROM {table}").scalar_one()) for name, table in tables.items()}

    # -- opening a batch

    def inspect(self, files: Sequence[tuple[Path, str]], options: ImportOptions = ImportOptions()) -> list[Inspected]:
        """What each part of each file (path, name) is, and which entity it seems to hold."""
        return [found for path, name in files for found in inspect_file(self.catalog, path, name, options, None)[1]]

    def open_batch(
        self,
        files: Sequence[File],
        options: ImportOptions = ImportOptions(),
        progress: Progress = _silent,
    ) -> Batch:
        """A new batch holds the files (path, name, entity or None to find out): bytes kept, text staged.

        Raises UnreadableFileError for a file no processor can read; then there is no batch.
        """
        self.ready()
        id = self._new_id()
        with Intake(self.around, id, files, options, (), progress) as intake:
            return self._register(id, options, intake.finish())

    def _register(self, id: str, options: ImportOptions, sources: Sequence[Source]) -> Batch:
        with writing(self.database) as connection:
            batch = ledger.add_batch(
                connection,
                id=id,
                user=self.settings.user,
                at=self._at(),
                catalog=self.catalog.digest,
                options=options,
                parent=None,
            )
            for source in sources:
                ledger.add_source(connection, batch, source)
        return replace(batch, sources=tuple(sources))

    def add_files(self, batch_id: str, files: Sequence[File], progress: Progress = _silent) -> Batch:
        """The open batch holds these files too."""
        batch = self.batch(batch_id)
        if batch.status != "open":
            raise RefusedError(f"The batch {batch.id} is {batch.status}: it takes no more files.")
        with Intake(self.around, batch.id, files, batch.options, batch.sources, progress) as intake:
            sources = intake.finish()
        with writing(self.database) as connection:
            for source in sources:
                ledger.add_source(connection, batch, source)
        return self.batch(batch_id)

    # -- the notebook

    def batch(self, id: str) -> Batch:
        """The batch with its sources and steps."""
        with connected(self.database) as connection:
            return as_read(ledger.load_batch(connection, id))

    def read_again(self, batch: str, source: int, options: ImportOptions) -> Step:
        """A source is read anew from its kept bytes with other options; edits of the reading before no longer count.

        RefusedError where the file then no longer has the part the source is.
        """
        loaded = self.batch(batch)
        item = next(found for found in loaded.sources if found.number == source)
        raw = self.around.storage.raw_file(item.sha256)
        entity = item.entity if item.facts.get("why") == "chosen" else None
        processor, inspected = inspect_file(self.catalog, raw, item.name, options, entity)
        parts = [found for found in inspected if found.part.name == item.part]
        if not parts:
            raise RefusedError(f"Read so, {item.name} has no part {item.part!r}: nothing was changed.")
        reading = 1 + sum(step.kind == READ and step.payload["source"] == source for step in loaded.steps)
        again = replace(source_of(source, parts[0], item.sha256, item.size, 0), reading=reading)
        opened = Opened(processor, raw, parts[0].part)
        rows = stage_part(self.around, batch, again.staged, opened, _silent)
        said = {name: value for name, value in asdict(replace(again, rows=rows)).items() if name not in _KEPT}
        return self.add_step(batch, READ, {"source": source, **said})

    def add_step(self, batch: str, kind: str, payload: dict[str, Any]) -> Step:
        """The step is the batch's last."""
        with writing(self.database) as connection:
            loaded = ledger.load_batch(connection, batch)
            return ledger.add_step(
                connection, loaded, kind=kind, payload=payload, user=self.settings.user, at=self._at()
            )

    def edit(self, batch: str, source: int, cells: Iterable[tuple[int, str, str]]) -> Step:
        """Cells (row number, slot, text) of a source hold these texts."""
        listed = [{"row": int(row), "slot": slot, "text": text} for row, slot, text in cells]
        return self.add_step(batch, EDIT, {"source": source, "cells": listed})

    def exclude(self, batch: str, source: int, rows: Iterable[int]) -> Step:
        """Rows of a source are left out."""
        return self.add_step(batch, EXCLUDE, {"source": source, "rows": [int(row) for row in rows]})

    def map_source(self, batch: str, source: int, entity: str | None, mapping: dict[str, str] | None = None) -> Step:
        """A source holds this entity (None: it is left out), with the slot of each column (None: those known)."""
        loaded = self.batch(batch)
        columns = next(item.columns for item in loaded.sources if item.number == source)
        if mapping is None:
            mapping = guess(self.catalog, columns, (), entity).mapping if entity else {}
        return self.add_step(batch, MAP, {"source": source, "entity": entity, "mapping": mapping})

    def set_policy(self, batch: str, entity: str, policy: Policy) -> Step:
        """Matches of an entity that differ are settled so."""
        return self.add_step(batch, POLICY, {"entity": entity, "policy": policy})

    def decide(self, batch: str, source: int, rows: Iterable[int], policy: Policy) -> Step:
        """Single rows that meet a differing record are settled so."""
        return self.add_step(batch, DECIDE, {"source": source, "rows": [int(row) for row in rows], "policy": policy})

    def undo_step(self, batch: str) -> Step | None:
        """The last step that stands is undone; None where there is none."""
        standing = effective(self.batch(batch).steps)
        return self.add_step(batch, UNDO, {"step": standing[-1].number}) if standing else None

    def discard(self, batch: str) -> None:
        """The open batch is closed, and nothing of it was written."""
        with writing(self.database) as connection:
            ledger.close_batch(connection, ledger.load_batch(connection, batch), "discarded")

    # -- check, plan, commit

    def check(self, batch_id: str, progress: Progress = _silent, *, again: bool = False) -> Preview:
        """The batch's issues and plan as of its last step; worked out anew only if something moved or ``again``."""
        batch = self.batch(batch_id)
        kept = load_run(self.around.storage, batch.id, self.catalog)
        if kept is not None and not again and kept.steps == _moves(batch):
            return _preview(batch, kept)
        run = self._resolve(batch, progress)
        made = pipeline.plan(self.around, run[1], self._settling(batch, run[1]), progress)
        return self._keep(batch, run[0], run[1], made)

    def _resolve(self, batch: Batch, progress: Progress) -> tuple[str, Checked]:
        id = self._new_id()
        folder = run_folder(self.around.storage, batch.id, id)
        reader = staged_reader(self.around, batch)
        checked = pipeline.check(self.around, batch, read_notebook(batch.steps), folder, reader, progress)
        return id, checked

    def _keep(self, batch: Batch, id: str, checked: Checked, made: Plan) -> Preview:
        issues = pa.concat_tables([checked.issues, made.issues])
        run = Run(id, _moves(batch), checked, made, issues)
        save_run(self.around.storage, batch.id, run)
        return _preview(batch, run)

    def _settling(self, batch: Batch, checked: Checked) -> Settling:
        notebook = read_notebook(batch.steps)
        policies: dict[str, Policy] = {
            name: notebook.policies.get(name, batch.options.policy or rows.entity.policy)
            for name, rows in checked.rows.items()
        }
        return Settling(policies, _decisions(notebook, checked))

    def commit(
        self,
        batch_id: str,
        digest: str | None = None,
        *,
        partial: bool = False,
        progress: Progress = _silent,
    ) -> ImportResult:
        """The batch's plan is carried out, or nothing is.

        ``digest`` is the plan the user read: StalePlanError if it is no longer what would happen. Committing a
        committed batch again answers its first result.
        """
        started = time.perf_counter()
        batch = self.batch(batch_id)
        if batch.status != "open":
            return self._first_result(batch)
        preview = self.check(batch_id, progress)
        if digest is not None and preview.digest != digest:
            raise StalePlanError(
                "The batch changed since this plan was made: nothing was written. Read its plan again."
            )
        if preview.issues.error and not partial:
            return self._outcome(preview, "refused", started)
        checked = preview.run.checked
        outcome: list[ImportResult] = []
        pipeline.commit(
            self.around,
            batch,
            checked,
            self._settling(batch, checked),
            self._finish(batch, checked, started, outcome, partial=partial),
            progress,
            expected=preview.digest,
            allow_issues=partial,
        )
        return replace(outcome[0], seconds=round(time.perf_counter() - started, 3))

    def _first_result(self, batch: Batch) -> ImportResult:
        with connected(self.database) as connection:
            before = ledger.load_result(connection, batch)
        if before is None:
            raise RefusedError(f"The batch {batch.id} is {batch.status}: it cannot be committed.")
        return before

    def run_import(
        self,
        files: Sequence[File],
        options: ImportOptions = ImportOptions(),
        *,
        dry_run: bool = False,
        progress: Progress = _silent,
    ) -> ImportResult:
        """The whole way in one call: the files are read, checked, planned, and committed where nothing is wrong."""
        started = time.perf_counter()
        if dry_run:
            preview = self.check(self.open_batch(files, options, progress).id, progress)
            refused = preview.issues.error and not options.partial
            return self._outcome(preview, "refused" if refused else "planned", started)
        self.ready()
        id, run = self._new_id(), self._new_id()
        outcome: list[ImportResult] = []
        with Intake(self.around, id, files, options, (), progress) as intake:
            batch = Batch(
                id, 0, "open", self.settings.user, self._at(), self.catalog.digest, None, options, tuple(intake.sources)
            )
            caller = pipeline.OneGo(
                lambda: self._register(id, options, intake.finish()),
                lambda checked: self._settling(batch, checked),
                lambda batch, checked: self._finish(batch, checked, started, outcome, partial=options.partial),
            )
            folder = run_folder(self.around.storage, id, run)
            try:
                batch, checked, made = pipeline.check_and_commit(
                    self.around, batch, folder, intake.read, caller, progress, allow_issues=options.partial
                )
            except pipeline.NotCommitted as refused:
                return self._outcome(self._keep(refused.batch, run, refused.checked, refused.plan), "refused", started)
        if made is None:
            made = pipeline.plan(self.around, checked, self._settling(batch, checked), progress)
            return self._outcome(self._keep(batch, run, checked, made), "refused", started)
        self._keep(batch, run, checked, made)
        return replace(outcome[0], seconds=round(time.perf_counter() - started, 3))

    def _finish(
        self, batch: Batch, checked: Checked, started: float, outcome: list[ImportResult], *, partial: bool
    ) -> pipeline.Finish:
        """What writes the batch's result into the transaction that commits it, and into ``outcome``."""
        with connected(self.database) as connection:
            first = ledger.last_change(connection)

        def finish(connection: sa.Connection, made: Plan) -> None:
            if not ledger.close_batch(connection, batch, "committed"):
                raise RefusedError(f"The batch {batch.id} was committed by somebody else meanwhile.")
            counts = {name: planned.counts for name, planned in made.entities.items()}
            found = _count(pa.concat_tables([checked.issues, made.issues]))
            seconds = round(time.perf_counter() - started, 3)
            said = Remainder(self._new_id, self.settings.user, self._at())
            storage = self.around.storage
            rest = keep_remainder(connection, storage, batch, checked, made, said) if partial else None
            result = ImportResult(batch.id, "committed", made.digest, counts, found, seconds, None, rest, self._at())
            changes = (first + 1, ledger.last_change(connection))
            ledger.add_result(connection, batch, result, user=self.settings.user, changes=changes)
            outcome.append(result)

        return finish

    # -- taking data out

    def export(self, options: ExportOptions, folder: Path, progress: Progress = _silent) -> ExportResult:
        """The chosen records stand in ``folder`` as files, as the database is at one instant."""
        self.check_catalog()
        processor = self._processor(options.format)
        destination = Destination(folder, options.format, processor, self._file_facts())
        return export_records(self.around.records, self.database, options, destination, progress)

    def templates(self, entities: Sequence[str], folder: Path, format: str = "csv") -> list[Path]:
        """A file to fill in stands in ``folder`` for each entity (none named: for all)."""
        contents = {entity.name: self.template_bytes(entity.name, format) for entity in chosen(self.catalog, entities)}
        return write_templates(contents, folder, format)

    def template_bytes(self, entity: str, format: str = "csv") -> bytes:
        """A file to fill in for one entity."""
        listed = chosen(self.catalog, [entity])
        return template_bytes(self.catalog, listed[0], self._processor(format), self._file_facts())

    def _processor(self, format: str) -> Processor:
        return processor_named(format, self.catalog)

    def _file_facts(self) -> dict[str, Any]:
        catalog = {"name": self.catalog.name, "digest": self.catalog.digest}
        return {"made_at": self._at(), "user": self.settings.user, "catalog": catalog}

    # -- what happened

    def check_catalog(self) -> None:
        """The catalog fits the database; UsageError says what is missing."""
        with connected(self.database) as connection:
            check_fits(connection, self.catalog)

    def issues(self, batch: str) -> pa.Table:
        """The issues of the batch's last check, of :data:`engine.issues.SCHEMA`; none where it was never checked."""
        run = load_run(self.around.storage, batch, self.catalog)
        return ISSUES.empty_table() if run is None else run.issues

    def history(self, limit: int = 50) -> list[Entry]:
        """The newest batches first, each with its sources, and its result where it was committed."""
        self.ready()
        with connected(self.database) as connection:
            return read_history(connection, limit=limit)

    def history_of(self, batch: str) -> Entry:
        """One batch with its sources, steps and result."""
        self.ready()
        with connected(self.database) as connection:
            return read_entry(connection, batch)

    def lineage(self, entity: str, key: str, field: str | None = None) -> list[Change]:
        """Every change of the record with this key (``SO-1001/2``), or of one of its fields, oldest first."""
        self.ready()
        with snapshot(self.database) as connection:
            record = find_record(connection, self.around.records, entity, key)
            return changes_of(connection, self.around.records, self.around.storage, record, field)

    def versions(self, entity: str, key: str) -> list[Version]:
        """The kept earlier states of the record with this key, oldest first."""
        self.ready()
        with snapshot(self.database) as connection:
            return versions_of(connection, find_record(connection, self.around.records, entity, key))

    def _outcome(self, preview: Preview, status: Status, started: float) -> ImportResult:
        seconds = round(time.perf_counter() - started, 3)
        return ImportResult(preview.batch.id, status, preview.digest, preview.counts, preview.issues, seconds)

    def _at(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")


def _make_folder(url: str) -> None:
    file = sa.make_url(url).database
    if file:
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder of the database {file} cannot be made: {error.strerror}.") from error


_KEPT = ("number", "name", "part", "sha256", "size")
"""What reading a source again leaves as it is."""


def _moves(batch: Batch) -> int:
    """What a kept run depends on: it is stale once a step or a source was added."""
    return len(batch.steps) * 10_000 + len(batch.sources)


def _preview(batch: Batch, run: Run) -> Preview:
    counts = {name: planned.counts for name, planned in run.plan.entities.items()}
    return Preview(batch, run, counts, _count(run.issues), run.plan.digest)


def _count(issues: pa.Table) -> IssueCounts:
    by_code = {item["values"]: item["counts"] for item in pc.value_counts(issues.column("code")).to_pylist()}
    by_severity = {item["values"]: item["counts"] for item in pc.value_counts(issues.column("severity")).to_pylist()}
    return IssueCounts(by_severity.get("error", 0), by_severity.get("warning", 0), dict(sorted(by_code.items())))


def _decisions(notebook: Notebook, checked: Checked) -> dict[str, dict[int, Policy]]:
    """Decisions by row number of a source, as decisions by ``seq`` of an entity."""
    found: dict[str, dict[int, Policy]] = {}
    for name, rows in checked.rows.items():
        for span in rows.spans:
            decided = notebook.decisions.get(span.source, {})
            numbers = rows.row_numbers[span.first - 1 : span.last]
            for at in np.flatnonzero(np.isin(numbers, list(decided))):
                found.setdefault(name, {})[span.first + int(at)] = decided[int(numbers[at])]
    return found
