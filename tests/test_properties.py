"""The promises, for any data: small worlds of organizations, people, products and orders, awkward on purpose."""

from __future__ import annotations

import csv
import io
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.model import Action, ExportOptions, ImportOptions, Policy
from engine.runs import seqs_of

PARTIAL = ImportOptions(partial=True)
ENTITIES = ("organization", "person", "product", "order")
EXAMPLES = int(os.environ.get("PORTAGE_TEST_EXAMPLES", "20"))
few = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
fewer = settings(few, max_examples=EXAMPLES // 4)

CODES = ("ACME", "A", "007", "7", "B-2", "NA", "1E5", "", "bad code", "x")
NAMES = (
    "Acme",
    "007",
    "Åkerlund & Söhne",
    'The "Shed", north',
    "line\nbreak",
    "ACME",
    "null",
    "=1+1",
    "😀 Ω",
    " padded ",
)
DATES = ("2026-01-02", "2026-02-30", "02/03/2026", "31.12.2026", "", "soon")
awkward = st.text(st.sampled_from("aZ0 ,;:\"'\\\n\té😀Ω%_[]{}\u00a0-=+@#/"), max_size=12)
code = st.sampled_from(CODES)
name = st.one_of(st.sampled_from(NAMES), awkward)
email = st.sampled_from(("a@x.example", "b@x.example", "ü@x.example", "nobody", ""))
aliases = st.sampled_from(("", "", '["Acme", "7"]', "one; two", "[broken"))
price = st.sampled_from(("0", "12.5", "12.50", "1.234", "-1", "", "cheap", "9999999999.99"))

SLOTS = {
    "organization": {"code": code, "name": name, "country": st.sampled_from(("GB", "", "gb")), "aliases": aliases,
                     "parent": st.one_of(code, st.just(""), name)},
    "person": {"email": email, "name": name, "organization": st.one_of(code, name), "manager": st.one_of(email, name)},
    "product": {"sku": st.one_of(code, awkward), "name": name, "category": st.sampled_from(("tools", "paint", "Tools")),
                "unit_price": price, "supplier": st.one_of(code, st.just(""))},
    "order": {"order_no": st.one_of(code, awkward), "customer": st.one_of(code, name), "contact": email,
              "ordered_on": st.sampled_from(DATES), "status": st.sampled_from(("", "draft", "shipped", "lost")),
              "note": awkward},
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """The rows of each entity that has a file."""

    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def texts(self) -> dict[str, str]:
        """Each entity's rows as CSV."""
        return {entity: _csv(list(SLOTS[entity]), rows) for entity, rows in self.rows.items()}


def _csv(columns: list[str], rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


worlds = st.fixed_dictionaries(
    {entity: st.lists(st.fixed_dictionaries(slots), min_size=1, max_size=6) for entity, slots in SLOTS.items()}
).map(World)


def _check_every_row_once(desk, batch: str, world: World) -> None:
    run = desk.service.check(batch).run
    for entity, rows in world.rows.items():
        counts = run.plan.entities[entity].counts
        fates = {action: seqs_of(run, entity, action).tolist() for action in get_args(Action)}
        assert sorted(itertools.chain(*fates.values())) == list(range(1, len(rows) + 1))
        assert {action: len(seqs) for action, seqs in fates.items()} == {
            action: getattr(counts, action) for action in fates
        }


def _check_preview_is_committed(desk, world: World, policy: Policy) -> None:
    """What the plan says, field by field, is what the log and the records say after the commit."""
    batch = desk.open(ImportOptions(policy=policy), **world.texts())
    _check_every_row_once(desk, batch, world)
    preview = desk.service.check(batch)
    lines = len(desk.changes())
    counted = desk.service.record_counts()
    done = desk.service.commit(batch, preview.digest, partial=True)

    assert (done.status, done.plan, done.entities) == ("committed", preview.digest, preview.counts)
    logged = desk.changes()[lines:]
    for entity, planned in preview.run.plan.entities.items():
        shown = [(row["field"], row["before"], row["after"]) for row in planned.changes.to_pylist()]
        rows = {int(seq) for action in ("update", "version") for seq in seqs_of(preview.run, entity, action)}
        written = [change for change, row in zip(shown, planned.changes["seq"].to_pylist(), strict=True) if row in rows]
        assert [line[3:6] for line in logged if line[0] == entity and line[3]] == written
        assert sum(line[0] == entity and line[2] == "insert" for line in logged) == planned.counts.insert
        assert desk.service.record_counts()[entity] == counted[entity] + planned.counts.insert


@few
@given(first=worlds, second=worlds, policy=st.sampled_from(get_args(Policy)))
def test_what_was_previewed_is_what_is_committed_and_every_row_has_one_fate(sqlite_scratch, first, second, policy):
    with sqlite_scratch.desk() as desk:
        desk.run(PARTIAL, **first.texts())
        _check_preview_is_committed(desk, second, policy)


@fewer
@given(first=worlds, second=worlds, policy=st.sampled_from(get_args(Policy)))
def test_the_same_holds_on_postgresql(postgresql_scratch, first, second, policy):
    with postgresql_scratch.desk() as desk:
        desk.run(PARTIAL, **first.texts())
        _check_preview_is_committed(desk, second, policy)


@few
@given(world=worlds, order=st.permutations(ENTITIES))
def test_the_order_of_files_does_not_matter(sqlite_scratch, world, order):
    found = []
    for entities in (ENTITIES, order):
        with sqlite_scratch.desk() as desk:
            texts = world.texts()
            done = desk.run(PARTIAL, **{entity: texts[entity] for entity in entities})
            issues = {
                (i.entity, i.source, i.row_number, i.field, i.code, i.value) for i in desk.saved_issues(done.batch)
            }
            found.append((done.entities, issues, desk.state()[0]))
    assert found[0] == found[1]


@few
@given(world=worlds)
def test_importing_the_same_files_again_writes_nothing(sqlite_scratch, world):
    with sqlite_scratch.desk() as desk:
        first = desk.run(PARTIAL, **world.texts())
        state = desk.state()[:3]
        again = desk.run(PARTIAL, **world.texts())
        assert [counts.written for counts in again.entities.values()] == [0] * len(ENTITIES)
        assert [counts.reject for counts in again.entities.values()] == [
            counts.reject for counts in first.entities.values()
        ]
        assert desk.state()[:3] == state


def _exported(desk, folder: Path, format: str) -> list[tuple[Path, str, str | None]]:
    """The files of an export but those without records: a file that holds nothing is refused."""
    result = desk.service.export(ExportOptions(format=format), folder)
    paths = [Path(file) for file in result.files]
    return [(path, path.name, None) for path in paths if result.entities.get(path.stem, sum(result.entities.values()))]


@few
@given(world=worlds, format=st.sampled_from(("csv", "json")))
def test_an_export_imported_again_changes_nothing_and_fills_another_database_alike(
    sqlite_scratch, tmp_path_factory, world, format
):
    out = tmp_path_factory.mktemp("out")
    with sqlite_scratch.desk() as desk, sqlite_scratch.desk() as other:
        desk.run(PARTIAL, **world.texts())
        state = desk.state()
        files = _exported(desk, out / "first", format)
        assume(files)
        again = desk.service.run_import(files)
        assert again.status == "committed", desk.problems(again.batch)
        assert all(counts.unchanged == counts.rows for counts in again.entities.values())
        assert desk.state()[:3] == state[:3]

        copied = other.service.run_import(files)
        assert copied.status == "committed", other.problems(copied.batch)
        assert other.state()[0] == state[0]


def test_the_sample_goes_round_through_every_format_and_both_databases(sqlite_scratch, postgresql_scratch, tmp_path):
    with sqlite_scratch.desk(loaded=True) as start, postgresql_scratch.desk() as middle, sqlite_scratch.desk() as end:
        records = start.state()[0]
        assert middle.service.run_import(_exported(start, tmp_path / "csv", "csv")).status == "committed"
        assert end.service.run_import(_exported(middle, tmp_path / "json", "json")).status == "committed"
        assert middle.state()[0] == end.state()[0] == records
