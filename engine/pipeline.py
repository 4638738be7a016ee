"""The order of the stages, and nothing else: what the whole engine does, in one reading.

file --processors--> rows --mapping--> fields --conversion--> typed --validation--> checked
     --resolver--> resolved --planning--> plan --commit--> result
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, slots
from engine.catalog.order import dependency_order, late_references
from engine.commit import carry_out
from engine.conversion import Converted, ConvertOptions, convert
from engine.database import connected
from engine.dialects.port import Dialect, Stage
from engine.dialects.records import Records
from engine.errors import RefusedError, StalePlanError
from engine.issues import SCHEMA, gather, has_errors, issue_table
from engine.mapping import column_issues, to_fields
from engine.model import Batch, Source
from engine.notebook import Mapped, Notebook
from engine.planning.feed import Feed
from engine.planning.plan import Plan, Settling, load_stage, make_plan, staged_schema, trim_stage, words_of
from engine.processors.port import ROW, Part, Processor
from engine.resolver.resolve import Resolver
from engine.resolver.rows import Checked
from engine.runs import staged_chunks
from engine.storage import Storage
from engine.validation import Checks, Validated, build_checks, validate

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, rows done, and rows in all (0 where nobody knows yet)."""

WORKERS = 2
AHEAD = 3
"""Chunks in work at once: more only cost memory (a chunk of 200,000 rows is about 60 MB)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run works with."""

    catalog: Catalog
    database: sa.Engine
    dialect: Dialect
    records: Records
    storage: Storage


def stage_part(
    around: Surroundings, batch: str, name: str, processor: Processor, file: Path, part: Part, progress: Progress
) -> int:
    """Stage 1: file -> rows. All text of the part is staged under ``name``, its reading issues beside it; answers its rows."""
    schema = pa.schema([*((name, pa.string()) for name in part.columns), (ROW, pa.int64())])
    issues = [] if part.issues is None else [part.issues]
    count = 0
    with around.storage.parquet_writer(around.storage.path(batch, "staged", f"{name}.parquet"), schema) as writer:
        with ThreadPoolExecutor(1, thread_name_prefix="portage-write") as pool:
            written: Future[None] | None = None
            for chunk in processor.read(file, part):
                if written is not None:
                    written.result()
                written = pool.submit(writer.write, chunk.rows.select(schema.names).cast(schema))
                issues.append(chunk.issues)
                count += chunk.rows.num_rows
                progress("Reading", count, 0)
            if written is not None:
                written.result()
    found = gather(issues)
    with around.storage.parquet_writer(_issues_path(around, batch, name), SCHEMA) as writer:
        writer.write(found)
    return count


def _issues_path(around: Surroundings, batch: str, name: str) -> str:
    return around.storage.path(batch, "staged", f"{name}.issues.parquet")


def check(
    around: Surroundings, batch: Batch, notebook: Notebook, folder: str, progress: Progress, feed: Feed | None = None
) -> Checked:
    """Stages 2 to 5: rows -> resolved, for all sources of the batch; nothing but the batch's folder is written.

    With a ``feed``, rows are staged while the next ones are checked.
    """
    sources = assigned(batch, notebook)
    present = _present(around.catalog, sources, notebook)
    late = frozenset(late_references(around.catalog))
    total = sum(source.rows for source, _ in sources)
    done = 0
    issues = []
    with connected(around.database) as connection:
        resolver = Resolver(around.storage, folder, connection, around.records, present, late)
        ordered = [entity for entity in dependency_order(around.catalog) if entity.name in present]
        for number, entity in enumerate(ordered):
            incoming = resolver.open(entity, feed.put if feed else None)
            if feed:
                feed.open(f"rows_{number}", staged_schema(incoming.rows, late))
            checks = build_checks(around.catalog, entity)
            for source, mapped in sources:
                if mapped.entity != entity.name:
                    continue
                excluded = frozenset(notebook.excluded.get(source.number, ()))
                file_issues, reading = _reading_issues(around, batch, source, mapped, notebook)
                issues.append(file_issues)
                for work in _worked(around, batch, source, mapped, notebook, entity, checks):
                    rows, checked = work.converted.rows, work.validated
                    found = pa.concat_tables([work.converted.issues, checked.issues, _of_rows(reading, rows)])
                    incoming.add(
                        source.number,
                        title(source),
                        rows,
                        work.converted.cleared,
                        found,
                        checked.missing_if_new,
                        excluded,
                    )
                    done += rows.num_rows
                    progress("Checking", done, total)
            if feed:
                feed.close()
            resolver.close(incoming)
        progress("Resolving", done, total)
        resolved = resolver.finish()
    lost = [
        _no_entity(source) for source in batch.sources if source.entity is None and source.number not in notebook.mapped
    ]
    return Checked(resolved.rows, pa.concat_tables([*lost, *issues, resolved.issues]), late)


def _no_entity(source: Source) -> pa.Table:
    return issue_table(
        "file.no_entity",
        source=title(source),
        message="No entity has these columns: say which one the file holds (ENTITY=FILE), or map its columns.",
    )


def assigned(batch: Batch, notebook: Notebook) -> list[tuple[Source, Mapped]]:
    """The sources that are imported, each with its entity and mapping as last decided."""
    found = []
    for source in batch.sources:
        mapped = notebook.mapped.get(source.number, Mapped(source.entity, source.mapping))
        if mapped.entity is not None:
            found.append((source, mapped))
    return found


def title(source: Source) -> str:
    """What a source is called in issues: the file's name, and the part where it has several."""
    return f"{source.name}#{source.part}" if source.part else source.name


def _present(catalog: Catalog, sources: list[tuple[Source, Mapped]], notebook: Notebook) -> dict[str, frozenset[str]]:
    """The fields that at least one source of each entity has a column or an edit for."""
    found: dict[str, set[str]] = {}
    for source, mapped in sources:
        assert mapped.entity is not None
        edited = {slot for cells in notebook.edits.get(source.number, {}).values() for slot in cells}
        wanted = edited | set(mapped.mapping.values())
        fields = {slot.field.name for slot in slots(catalog, catalog.entity(mapped.entity)) if slot.name in wanted}
        found.setdefault(mapped.entity, set()).update(fields)
    return {name: frozenset(fields) for name, fields in found.items()}


def _reading_issues(
    around: Surroundings, batch: Batch, source: Source, mapped: Mapped, notebook: Notebook
) -> tuple[pa.Table, pa.Table]:
    """What is wrong with the whole source, and with the reading of its rows that nobody has mended since."""
    assert mapped.entity is not None
    entity = around.catalog.entity(mapped.entity)
    with around.storage.parquet(_issues_path(around, batch.id, source.staged)) as file:
        found = file.read().cast(SCHEMA)
    named = found.set_column(1, "source", pa.array([title(source)] * found.num_rows, pa.string()))
    named = named.set_column(0, "entity", pa.array([entity.name] * found.num_rows, pa.string()))
    mended = list(notebook.edits.get(source.number, {}))
    whole = pc.is_null(named.column("row_number"))
    open_rows = pa.array(~np.isin(np.asarray(pc.fill_null(named.column("row_number"), -1)), mended))
    headings = tuple(source.facts.get("headings", source.columns))
    columns = column_issues(around.catalog, entity, title(source), source.columns, headings, mapped.mapping)
    return pa.concat_tables([named.filter(whole), columns]), named.filter(pc.and_(pc.invert(whole), open_rows))


def _of_rows(issues: pa.Table, rows: pa.Table) -> pa.Table:
    if not issues.num_rows:
        return issues
    return issues.filter(pc.is_in(issues.column("row_number"), value_set=rows.column(ROW).combine_chunks()))


@dataclass(frozen=True, slots=True)
class _Work:
    converted: Converted
    validated: Validated


def _worked(
    around: Surroundings,
    batch: Batch,
    source: Source,
    mapped: Mapped,
    notebook: Notebook,
    entity: Entity,
    checks: Checks,
) -> Iterator[_Work]:
    """Stages 2 to 4 for each chunk, a few chunks at once, in their order."""
    options = ConvertOptions(nulls=batch.options.nulls, day_first=batch.options.day_first)
    edits = notebook.edits.get(source.number, {})
    name = title(source)

    def work(chunk: pa.Table) -> _Work:
        fields = to_fields(chunk, mapped.mapping, ROW, edits)
        converted = convert(fields, around.catalog, entity, name, options)
        validated = validate(checks, converted.rows, converted.failed, converted.cleared, source=name, raw=fields)
        return _Work(converted, validated)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="portage-check") as pool:
        waiting: deque[Future[_Work]] = deque()
        for chunk in staged_chunks(around.storage, batch.id, source):
            waiting.append(pool.submit(work, chunk))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def plan(around: Surroundings, checked: Checked, settling: Settling, progress: Progress) -> Plan:
    """Stage 6: resolved -> plan, as the database stands now; nothing is written."""
    progress("Comparing", 0, 0)
    with around.dialect.stage(writes=False) as stage:
        load_stage(around.storage, stage, checked, {})
        with stage.transaction() as connection:
            words = words_of(connection, stage, around.records, checked)
            return make_plan(connection, words, around.catalog, checked, settling)


class NotCommitted(RefusedError):
    """The plan holds issues; it comes along so that they can be shown."""

    def __init__(self, checked: Checked, made: Plan) -> None:
        super().__init__("The import has issues: nothing was written.")
        self.checked = checked
        self.plan = made


Finish = Callable[[sa.Connection, Plan], None]


def commit(
    around: Surroundings,
    batch: Batch,
    checked: Checked,
    settling: Settling,
    finish: Finish,
    progress: Progress,
    *,
    expected: str | None,
    allow_issues: bool,
) -> Plan:
    """Stages 6 and 7 in one transaction: the plan is made under the write lock, and carried out.

    ``expected`` is the digest of the plan the user read: StalePlanError if this one is another, nothing written.
    ``finish`` writes the result inside the transaction. NotCommitted where the plan has issues of its own.
    """
    with around.dialect.stage(writes=True) as stage:
        held = Held(expected, allow_issues, {})
        return _commit_staged(around, stage, batch, checked, settling, finish, progress, held)


def check_and_commit(
    around: Surroundings,
    batch: Batch,
    notebook: Notebook,
    folder: str,
    settle: Callable[[Checked], Settling],
    finish: Callable[[Checked], Finish],
    progress: Progress,
    *,
    allow_issues: bool,
) -> tuple[Checked, Plan | None]:
    """Stages 2 to 7 at one go; there is no plan, and nothing written, where the rows have errors."""
    with around.dialect.stage(writes=True) as stage:
        feed = Feed(stage, stops_on_error=not allow_issues)
        checked = check(around, batch, notebook, folder, progress, feed)
        if has_errors(checked.issues) and not allow_issues:
            return checked, None
        held = Held(None, allow_issues, feed.staged)
        made = _commit_staged(around, stage, batch, checked, settle(checked), finish(checked), progress, held)
        return checked, made


@dataclass(frozen=True, slots=True)
class Held:
    """What a commit is held to, and what is staged for it.

    ``expected`` is the digest of the plan that was read, if one was; ``fed`` says which rows are staged already.
    """

    expected: str | None
    allow_issues: bool
    fed: Mapping[str, np.ndarray]


def _commit_staged(
    around: Surroundings,
    stage: Stage,
    batch: Batch,
    checked: Checked,
    settling: Settling,
    finish: Finish,
    progress: Progress,
    held: Held,
) -> Plan:
    progress("Comparing", 0, 0)
    load_stage(around.storage, stage, checked, held.fed)
    with stage.transaction() as connection:
        around.dialect.lock(connection, [around.records.table(rows.entity) for rows in checked.rows.values()])
        trim_stage(connection, stage, checked, held.fed)
        words = words_of(connection, stage, around.records, checked)
        made = make_plan(connection, words, around.catalog, checked, settling)
        if held.expected is not None and made.digest != held.expected:
            raise StalePlanError("The database changed since the plan was made: nothing was written. Make it again.")
        if made.issues.num_rows and not held.allow_issues:
            raise NotCommitted(checked, made)
        progress("Writing", 0, made.written)
        try:
            carry_out(connection, words, made, batch.number, rebuild_constraints=batch.options.rebuild_constraints)
        except sa.exc.IntegrityError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise RefusedError(f"The database refused the rows ({reason}): nothing was written.") from error
        finish(connection, made)
        return made
