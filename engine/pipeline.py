"""The order of the stages, and nothing else: what the whole engine does, in one reading.

file --processors--> rows --mapping--> fields --conversion--> typed --validation--> checked
     --resolver--> resolved --planning--> plan --commit--> result
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.catalog.model import Catalog, Entity, slots
from engine.catalog.order import dependency_order, late_references
from engine.commit import carry_out
from engine.database import connected
from engine.dialects.port import Stage
from engine.dialects.quoting import AS_IT_STANDS
from engine.errors import RefusedError, StalePlanError
from engine.issues import SCHEMA, has_errors, issue_table
from engine.mapping import column_issues
from engine.model import Batch, Source
from engine.notebook import Mapped, Notebook, effective
from engine.planning.feed import Feed
from engine.planning.plan import Plan, Settling, load_stage, make_plan, staged_schema, trim_stage, words_of
from engine.reading import Reader
from engine.resolver.resolve import Resolver
from engine.resolver.rows import Checked
from engine.row_work import RowWork, ahead
from engine.surroundings import Progress, Surroundings
from engine.validation import build_checks


def check(
    around: Surroundings,
    batch: Batch,
    notebook: Notebook,
    folder: str,
    reader: Reader,
    progress: Progress,
    feed: Feed | None = None,
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
    with connected(around.database) as connection, ThreadPoolExecutor(1, thread_name_prefix="portage-build") as builder:
        resolver = Resolver(around.storage, folder, connection, around.records, present, late)
        ordered = [entity for entity in dependency_order(around.catalog) if entity.name in present]
        for number, entity in enumerate(ordered):
            incoming = resolver.open(entity, feed.put if feed else None)
            if feed:
                schema = staged_schema(incoming.rows, late, present, has_clears=bool(batch.options.nulls))
                feed.open(f"rows_{number}", schema)
            checks = builder.submit(build_checks, around.catalog, entity)
            for source, mapped in sources:
                if mapped.entity != entity.name:
                    continue
                excluded = frozenset(notebook.excluded.get(source.number, ()))
                issues.append(_column_issues(around.catalog, entity, source, mapped))
                work = RowWork(around.catalog, entity, checks, batch, source, mapped, notebook)
                for done_chunk in ahead(work.do, reader(source)):
                    issues.append(done_chunk.file_issues)
                    incoming.add(
                        source.number,
                        source.title,
                        done_chunk.rows,
                        done_chunk.cleared,
                        done_chunk.issues,
                        done_chunk.missing_if_new,
                        excluded,
                    )
                    done += done_chunk.rows.num_rows
                    progress("Checking", done, total)
            if feed:
                feed.close()
            resolver.close(incoming)
        progress("Resolving", done, total)
        resolved = resolver.finish()
    lost = [
        _no_entity(source) for source in batch.sources if source.entity is None and source.number not in notebook.mapped
    ]
    issues = [*lost, *issues, resolved.issues]
    if not done and not lost:
        issues = [_no_rows(sources)]
    return Checked(resolved.rows, pa.concat_tables(issues), late, basis_of(batch, around.catalog))


def assigned(batch: Batch, notebook: Notebook) -> list[tuple[Source, Mapped]]:
    """The sources that are imported, each with its entity and mapping as last decided."""
    found = []
    for source in batch.sources:
        mapped = notebook.mapped.get(source.number, Mapped(source.entity, source.mapping))
        if mapped.entity is not None:
            found.append((source, mapped))
    return found


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


def _column_issues(catalog: Catalog, entity: Entity, source: Source, mapped: Mapped) -> pa.Table:
    if not source.columns and not source.rows:  # an empty list of a JSON file misses nothing
        return SCHEMA.empty_table()
    headings = tuple(source.facts.get("headings", source.columns))
    return column_issues(catalog, entity, source.title, source.columns, headings, mapped.mapping)


def _no_rows(sources: list[tuple[Source, Mapped]]) -> pa.Table:
    """A file without rows is fine beside others; where there are no others, there is nothing to import."""
    names = ", ".join(source.title for source, _ in sources)
    message = "There are no rows to import: check that the right file was exported, and that it is not empty."
    return issue_table("file.empty", source=names, message=message)


def basis_of(batch: Batch, catalog: Catalog) -> str:
    """Digest of all that a check of the batch depends on, but for the database."""
    sources = [[item.sha256, item.part, item.reading, item.entity, item.mapping, item.read] for item in batch.sources]
    steps = [[step.kind, step.payload] for step in effective(batch.steps)]
    said = json.dumps([sources, steps, asdict(batch.options), catalog.digest], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


def _no_entity(source: Source) -> pa.Table:
    return issue_table(
        "file.no_entity",
        source=source.title,
        message="No entity has these columns: say which one the file holds (ENTITY=FILE), or map its columns.",
    )


def plan(around: Surroundings, checked: Checked, settling: Settling, progress: Progress) -> Plan:
    """Stage 6: resolved -> plan, as the database stands now; nothing is written."""
    progress("Comparing", 0, 0)
    fed = dict.fromkeys((f"rows_{number}" for number in range(len(checked.rows))), np.zeros(0, np.bool_))
    with around.dialect.stage(writes=False) as stage:
        if _has_records(around, checked):  # or there is nothing to compare rows with
            fed = {}
        load_stage(around.storage, stage, checked, fed)
        with stage.transaction() as connection:
            words = words_of(connection, stage, around.records, checked)
            return make_plan(connection, words, around.catalog, checked, settling)


def _has_records(around: Surroundings, checked: Checked) -> bool:
    with connected(around.database) as connection:
        tables = [around.records.table(rows.entity) for rows in checked.rows.values()]
        ask = partial(connection.exec_driver_sql, execution_options=AS_IT_STANDS)
        return any(ask(f"SELECT EXISTS (SELECT 1 FROM {table})").scalar() for table in tables)


class NotCommitted(RefusedError):
    """The plan holds issues; it comes along so that they can be shown."""

    def __init__(self, batch: Batch, checked: Checked, made: Plan) -> None:
        super().__init__("The import has issues: nothing was written.")
        self.batch = batch
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


@dataclass(frozen=True, slots=True)
class OneGo:
    """What an import at one go asks of its caller, in this order.

    ``register`` makes the batch known once all is read, ``settle`` says how conflicts are settled, and ``finish``
    writes the result.
    """

    register: Callable[[], Batch]
    settle: Callable[[Checked], Settling]
    finish: Callable[[Batch, Checked], Finish]


def check_and_commit(
    around: Surroundings,
    batch: Batch,
    folder: str,
    reader: Reader,
    caller: OneGo,
    progress: Progress,
    *,
    allow_issues: bool,
) -> tuple[Batch, Checked, Plan | None]:
    """Stages 1 to 7 at one go; there is no plan, and nothing written, where the rows have errors."""
    with around.dialect.stage(writes=True) as stage:
        feed = Feed(stage, stops_on_error=not allow_issues)
        try:
            checked = check(around, batch, Notebook(), folder, reader, progress, feed)
        except BaseException:
            feed.abandon()
            raise
        registered = caller.register()
        checked = replace(checked, basis=basis_of(registered, around.catalog))
        if has_errors(checked.issues) and not allow_issues:
            return registered, checked, None
        held = Held(None, allow_issues, feed.staged)
        finish = caller.finish(registered, checked)
        made = _commit_staged(around, stage, registered, checked, caller.settle(checked), finish, progress, held)
        return registered, checked, made


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
            raise NotCommitted(batch, checked, made)
        progress("Writing", 0, made.written)
        try:
            carry_out(connection, words, made, batch.number, rebuild_constraints=batch.options.rebuild_constraints)
        except sa.exc.IntegrityError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise RefusedError(f"The database refused the rows ({reason}): nothing was written.") from error
        finish(connection, made)
        return made
