"""Keeps a check and its plan in the batch's folder, so that any process can page through them and carry them out.

A run is one check of a batch after a certain step; ``current.json`` names the latest. Older runs are removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.catalog.model import Catalog
from engine.issues import SCHEMA
from engine.model import Counts, Source
from engine.planning.plan import CHANGES, TOUCHED, EntityPlan, Plan
from engine.resolver.rows import Checked, CheckedRows, Span
from engine.storage import Storage


@dataclass(frozen=True, slots=True)
class Run:
    """A check and its plan. ``issues`` counts both; ``steps`` is how many steps the batch had."""

    id: str
    steps: int
    checked: Checked
    plan: Plan
    issues: pa.Table


def run_folder(storage: Storage, batch: str, run: str) -> str:
    """Where the files of a run are."""
    return storage.path(batch, "runs", run)


def save_run(storage: Storage, batch: str, run: Run) -> None:
    """The run is the batch's current one, and the only one kept."""
    folder = run_folder(storage, batch, run.id)
    described = []
    for number, (name, rows) in enumerate(run.checked.rows.items()):
        planned = run.plan.entities[name]
        _save(storage, f"{folder}/{number}.fate.parquet", pa.table({"fate": rows.fate, "row": rows.row_numbers}))
        _save(storage, f"{folder}/{number}.touched.parquet", planned.touched)
        _save(storage, f"{folder}/{number}.changes.parquet", planned.changes)
        if planned.inserts is not None:
            _save(storage, f"{folder}/{number}.inserts.parquet", pa.table({"seq": planned.inserts}))
        for place, links in enumerate(rows.links.values()):
            _save(storage, f"{folder}/{number}.link{place}.parquet", links)
        described.append(_describe(name, rows, planned))
    _save(storage, f"{folder}/issues.parquet", run.issues)
    said = {
        "steps": run.steps,
        "digest": run.plan.digest,
        "written": run.plan.written,
        "late": sorted(run.checked.late),
        "basis": run.checked.basis,
        "entities": described,
    }
    storage.write_json(f"{folder}/run.json", said)
    before = storage.read_json(storage.path(batch, "current.json"))
    storage.write_json(storage.path(batch, "current.json"), {"run": run.id})
    if before and before["run"] != run.id:
        storage.remove(run_folder(storage, batch, before["run"]))


def _describe(name: str, rows: CheckedRows, planned: EntityPlan) -> dict[str, Any]:
    return {
        "entity": name,
        "file": rows.path.rsplit("/", 1)[1],
        "present": sorted(rows.present),
        "spans": [[span.source, span.name, span.first, span.last, sorted(span.fields)] for span in rows.spans],
        "has_clears": rows.has_clears,
        "pending_references": sorted(rows.pending_references),
        "digest": rows.digest,
        "links": list(rows.links),
        "counts": asdict(planned.counts),
        "all_inserts": planned.inserts is None,
    }


def load_run(storage: Storage, batch: str, catalog: Catalog) -> Run | None:
    """The batch's current run, or None where it was never checked."""
    current = storage.read_json(storage.path(batch, "current.json"))
    if not current:
        return None
    folder = run_folder(storage, batch, current["run"])
    said = storage.read_json(f"{folder}/run.json")
    if said is None:
        return None
    rows: dict[str, CheckedRows] = {}
    plans: dict[str, EntityPlan] = {}
    for number, item in enumerate(said["entities"]):
        rows[item["entity"]] = _load_rows(storage, folder, number, catalog, item)
        inserts = (
            None if item["all_inserts"] else np.asarray(_load(storage, f"{folder}/{number}.inserts.parquet")["seq"])
        )
        plans[item["entity"]] = EntityPlan(
            Counts(**item["counts"]),
            _load(storage, f"{folder}/{number}.touched.parquet").cast(TOUCHED),
            inserts,
            _load(storage, f"{folder}/{number}.changes.parquet").cast(CHANGES),
        )
    issues = _load(storage, f"{folder}/issues.parquet").cast(SCHEMA)
    late = frozenset((entity, field) for entity, field in said["late"])
    plan = Plan(said["digest"], plans, SCHEMA.empty_table(), said["written"])
    return Run(current["run"], said["steps"], Checked(rows, issues, late, said["basis"]), plan, issues)


def _load_rows(storage: Storage, folder: str, number: int, catalog: Catalog, item: dict[str, Any]) -> CheckedRows:
    stem, path = f"{folder}/{number}", f"{folder}/{item['file']}"
    fate = _load(storage, f"{stem}.fate.parquet")
    with storage.parquet(path) as file:
        schema = file.schema_arrow
    return CheckedRows(
        catalog.entity(item["entity"]),
        path,
        schema,
        frozenset(item["present"]),
        [Span(source, name, first, last, frozenset(fields)) for source, name, first, last, fields in item["spans"]],
        np.asarray(fate["fate"]).astype(np.int8),
        np.asarray(fate["row"]),
        {name: _load(storage, f"{stem}.link{place}.parquet") for place, name in enumerate(item["links"])},
        item["has_clears"],
        item["digest"],
        set(item["pending_references"]),
    )


def seqs_of(run: Run, entity: str, action: str) -> np.ndarray:
    """The rows (``seq``, ascending) of an entity that end in an action."""
    rows, planned = run.checked.rows[entity], run.plan.entities[entity]
    touched = {code: np.asarray(_with_action(planned.touched, code)) for code in (1, 2, 3, 4, 6)}
    if action in ("update", "version"):
        return touched[1 if action == "update" else 2]
    everything = np.arange(1, rows.count + 1)
    if action == "skip":
        return np.union1d(touched[3], everything[rows.fate == 2])
    if action == "reject":
        return np.union1d(np.union1d(touched[4], touched[6]), everything[rows.fate == 1])
    candidates = everything[rows.fate == 0]
    inserts = candidates if planned.inserts is None else planned.inserts
    if action == "insert":
        return inserts
    return np.setdiff1d(candidates, np.concatenate([inserts, *touched.values()]))


def _with_action(touched: pa.Table, code: int) -> pa.ChunkedArray:
    return touched.filter(pc.equal(touched.column("action"), code)).column("seq")


def _save(storage: Storage, path: str, table: pa.Table) -> None:
    with storage.parquet_writer(path, table.schema) as writer:
        writer.write(table)


def _load(storage: Storage, path: str) -> pa.Table:
    with storage.parquet(path) as file:
        return file.read()


def staged_path(storage: Storage, batch: str, source: Source) -> str:
    """Where the staged text rows of a source are; its reading issues stand beside them."""
    return storage.path(batch, "staged", f"{source.staged}.parquet")


def staged_chunks(storage: Storage, batch: str, source: Source) -> Iterator[pa.Table]:
    """The staged text rows of a source, row group by row group."""
    with storage.parquet(staged_path(storage, batch, source)) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)
