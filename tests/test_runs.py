"""A check and its plan are kept in the batch's folder, for any process and wherever the folder stands."""

from __future__ import annotations

import shutil
from dataclasses import replace

from engine.runs import load_run, seqs_of
from engine.service import ImportExportService

TEXT = (
    "code,name,country,parent\nACME,Acme,GB,BOLT\nBOLT,Bolt,Ireland,\nCOIL,Coil,FR,\nDOT,Dot,DE,COIL\nDOT,Dot,DE,COIL\n"
)


def test_a_kept_run_says_the_same_as_the_one_that_was_made(sample_desk):
    sample_desk.load(organization="code,name\nCOIL,Other\n")
    batch = sample_desk.open(organization=TEXT)
    made = sample_desk.service.check(batch).run
    around = sample_desk.service.around
    kept = load_run(around.storage, batch, around.catalog)
    assert (kept.id, kept.steps, kept.plan.digest, kept.plan.written) == (made.id, made.steps, made.plan.digest, 2)
    assert kept.issues.equals(made.issues)
    for name, planned in made.plan.entities.items():
        assert kept.plan.entities[name].counts == planned.counts
        assert kept.plan.entities[name].changes.equals(planned.changes)
        assert kept.plan.entities[name].touched.equals(planned.touched)
        assert kept.checked.rows[name].fate.tolist() == made.checked.rows[name].fate.tolist()
    fates = ("insert", "update", "skip", "reject", "unchanged", "version")
    assert [seqs_of(kept, "organization", fate).tolist() for fate in fates] == [[4], [3], [5], [1, 2], [], []]


def test_only_the_latest_run_is_kept(sample_desk):
    batch = sample_desk.open(organization=TEXT)
    storage = sample_desk.service.around.storage
    for _ in range(2):
        sample_desk.service.check(batch, again=True)
    assert len(storage.fs.ls(storage.path(batch, "runs"))) == 1


def test_a_batch_that_was_never_checked_has_no_run(sample_desk):
    batch = sample_desk.open(organization=TEXT)
    assert load_run(sample_desk.service.around.storage, batch, sample_desk.service.catalog) is None


def test_the_storage_may_move_between_check_and_commit(sample_desk, tmp_path):
    batch = sample_desk.open(organization="code,name\nNEW,New\n")
    digest = sample_desk.service.check(batch).digest
    settings = sample_desk.service.settings
    shutil.move(settings.storage_url, tmp_path / "elsewhere")
    moved = replace(settings, storage_url=str(tmp_path / "elsewhere"))
    service = ImportExportService(moved, catalog=sample_desk.service.catalog)
    assert service.commit(batch, digest).status == "committed"
    service.database.dispose()
