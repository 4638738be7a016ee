"""A commit killed at any instant leaves all of it or nothing, and the batch can be committed afterwards, once."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model import ImportOptions

ROOT = Path(__file__).parents[1]
CHANGES = {
    "organization": "code,name,parent\nBRAMBLE,Bramble & Co,KILL-2\nKILL-1,One,KILL-2\nKILL-2,Two,\nkill-3,Refused,\n",
    "person": "email,name,organization,manager\nwilf@bramble.example,Wilf the younger,KILL-1,new@x.example\n"
    "new@x.example,New,BRAMBLE,\nlost@x.example,Lost,kill-3,\n",
    "product": "sku,name,category,unit_price,supplier\n00417,Claw hammer,tools,99.50,KILL-1\nK-1,K,tools,1.00,KILL-2\n",
    "order": "order_no,customer,ordered_on,note\nSO-1001,KILL-1,2026-01-13,Moved\nK-1,KILL-2,2026-01-13,\n",
    "order_line": "order,line_no,product,quantity,unit_price\nK-1,1,K-1,1,1.00\nSO-1001,1,01006,51,1.89\n",
}


class Killer:
    """Sends batches to their death in forks of one process that has the engine loaded."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "victim.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def commit(self, desk: Any, batch: str, **when: float | None) -> dict[str, Any]:
        """One commit, killed at ``delay`` seconds or before ``statement``; without either it lives."""
        settings = desk.service.settings
        told = {"home": str(settings.home), "url": settings.database_url, "catalog": str(settings.catalog_file)}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({**told, "batch": batch, **when}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    made = Killer(tmp_path_factory.mktemp("killer"))
    yield made
    made.close()


def _seen(desk: Any) -> tuple[Any, ...]:
    """All that a commit writes; ids are left out of the log, since a sequence does not go back."""
    records, changes, versions, ended, results = desk.state()
    lines = [(entity, *rest) for entity, _, *rest in changes]
    states = [(entity, number, state) for entity, _, number, state in versions]
    return records, lines, states, ended, results, desk.ledger_count("portage_batch")


def _batch(desk: Any) -> str:
    batch = desk.open(ImportOptions(policy="version"), **CHANGES)
    desk.service.set_policy(batch, "order", "update")
    desk.service.check(batch)
    return batch


def _points(dice: random.Random, lived: dict[str, Any]) -> Iterator[dict[str, float]]:
    """Where to kill, without end: by turns before a statement (each once, the commit itself too) and at any time."""
    statements = list(range(1, lived["statements"] + 1))
    dice.shuffle(statements)
    while True:
        if statements:
            yield {"statement": statements.pop()}
        yield {"delay": dice.uniform(0, 1.2 * lived["seconds"])}


def _kill_many(scratch: Any, killer: Killer, kills: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    with scratch.desk(loaded=True) as desk:
        batch = _batch(desk)
        before = _seen(desk)
        lived = killer.commit(desk, batch)
        after = _seen(desk)
        assert not lived["killed"]
        assert after != before
    points = _points(dice, lived)
    died = through = 0
    while died < kills:
        with scratch.desk(loaded=True) as desk:
            batch = _batch(desk)
            assert _seen(desk) == before
            for point in itertools.islice(points, 10):
                fate = killer.commit(desk, batch, **point)
                died += fate["killed"]
                seen = _seen(desk)
                assert seen in (before, after), f"seed {seed}: torn by a kill at {point}"
                assert fate["killed"] or seen == after
                if seen == after:
                    through += 1
                    break
            again = desk.service.commit(batch, partial=True)  # carries on with what the last kill left
            assert (again.status, _seen(desk)) == ("committed", after), f"seed {seed}: after a kill at {point}"
    print(f"seed {seed}: killed {died} times, {through} commits were through; {lived}")


def test_a_commit_killed_a_hundred_times_leaves_all_or_nothing_on_sqlite(sqlite_scratch, killer):
    _kill_many(sqlite_scratch, killer, 100)


def test_a_commit_killed_twenty_times_leaves_all_or_nothing_on_postgresql(postgresql_scratch, killer):
    _kill_many(postgresql_scratch, killer, 20)
