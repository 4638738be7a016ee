"""Portage through its command line: the states the timed runs start from, the runs, and whether they did their work."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import TABLE, State
from databases import Databases
from measured import Measured, measure

ROOT = Path(__file__).parents[2]
CATALOG = Path(__file__).with_name("catalog.toml")
COMMITTED, REFUSED = 0, 1


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a workload's order files have, as :class:`workload.Workload` tells them."""

    orders: int
    changed: int
    new: int
    bad: int
    bad_codes: list[str]


@dataclass(frozen=True, slots=True)
class Job:
    """One timed import; ``expected`` tells which part of the answer must be what, for a workload."""

    name: str
    state: State
    files: tuple[str, ...]
    expected: Callable[[Counts], dict[str, Any]]
    added: Callable[[Counts], int]
    options: tuple[str, ...] = ()
    code: int = COMMITTED
    databases: tuple[str, ...] = ("sqlite", "postgresql")


def _actions(**counts: int) -> dict[str, Any]:
    return {"status": "committed", **{f"entities.order.{action}": count for action, count in counts.items()}}


def _refused(counts: Counts) -> dict[str, Any]:
    share = {code: counts.bad // len(counts.bad_codes) for code in counts.bad_codes}
    for code in counts.bad_codes[: counts.bad % len(counts.bad_codes)]:
        share[code] += 1
    return {"status": "refused", "issues.error": counts.bad, "issues.by_code": {c: n for c, n in share.items() if n}}


def _all_inserted(counts: Counts) -> dict[str, Any]:
    return _actions(rows=counts.orders, insert=counts.orders)


def _changed(counts: Counts) -> dict[str, Any]:
    return _actions(insert=counts.new, update=counts.changed, unchanged=counts.orders - counts.changed)


def _unchanged(counts: Counts) -> dict[str, Any]:
    return _actions(insert=0, update=0, unchanged=counts.orders)


def _orders(counts: Counts) -> int:
    return counts.orders


def _none(_: Counts) -> int:
    return 0


ORDER = ("order=order.csv",)
ALL = ("organization=organization.csv", "product=product.csv", *ORDER)
REBUILD = ("--rebuild-constraints",)
JOBS = (
    Job("first", "ready", ORDER, _all_inserted, _orders),
    Job("first-all", "empty", ALL, _all_inserted, _orders),
    Job("first-rebuild", "ready", ORDER, _all_inserted, _orders, options=REBUILD, databases=("postgresql",)),
    Job("changed", "loaded", ("order=order_changed.csv",), _changed, lambda counts: counts.new),
    Job("same", "loaded", ORDER, _unchanged, _none),
    Job("bad", "ready", ("order=order_bad.csv",), _refused, _none, code=REFUSED),
)


class BenchmarkError(Exception):
    """A run did not do the work it is measured for."""


@dataclass(frozen=True, slots=True)
class Portage:
    """The command line under measurement, with a fresh home for every run."""

    command: str
    homes: Path

    def prepare(self, databases: Databases, data: Path, states: set[State]) -> None:
        """Databases called ``empty``, ``ready`` and ``loaded`` stand, as far as ``states`` need them."""
        self._done(["init"], databases.new("empty"), data)
        if states & {"ready", "loaded"}:
            url = databases.copy("empty", "ready")
            self._done(_imported("organization=organization.csv", "product=product.csv"), url, data)
        if "loaded" in states:
            self._done(_imported("order=order.csv"), databases.copy("ready", "loaded"), data)

    def run(
        self, job: Job, databases: Databases, name: str, data: Path, counts: Counts, *, tree: bool = False
    ) -> Measured:
        """The job has run on the database called ``name``; BenchmarkError where it did not do its work."""
        before = databases.count(name, TABLE)
        found = self._measured([*_imported(*job.files), *job.options], databases.url(name), data, tree=tree)
        if found.code != job.code:
            raise BenchmarkError(f"exit code {found.code} instead of {job.code}: {_last_line(found)}")
        _compare(_answer(found), job.expected(counts))
        written = databases.count(name, TABLE) - before
        if written != job.added(counts):
            raise BenchmarkError(f"{written} orders were added instead of {job.added(counts)}")
        return found

    def _done(self, arguments: list[str], url: str, data: Path) -> None:
        found = self._measured(arguments, url, data)
        if found.code != COMMITTED:
            raise BenchmarkError(f"portage {arguments[0]} ended with exit code {found.code}: {_last_line(found)}")

    def _measured(self, arguments: list[str], url: str, data: Path, *, tree: bool = False) -> Measured:
        shutil.rmtree(self.homes, ignore_errors=True)
        self.homes.mkdir(parents=True)
        common = ["--database", url, "--catalog", str(CATALOG)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTAGE_")}
        environment |= {"PORTAGE_HOME": str(self.homes), "PYTHONPATH": str(ROOT)}
        command = [*shlex.split(self.command), *common, *arguments]
        return measure(command, folder=data, environment=environment, tree=tree)


def _imported(*files: str) -> list[str]:
    return ["import", *files, "--policy", "update", "--json"]


def _answer(found: Measured) -> dict[str, Any]:
    try:
        answer = json.loads(found.output)
    except json.JSONDecodeError as error:
        raise BenchmarkError(f"no JSON on stdout: {found.output[:200]!r}") from error
    if not isinstance(answer, dict):
        raise BenchmarkError(f"not a JSON object: {found.output[:200]!r}")
    return answer


def _compare(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    for path, value in expected.items():
        part: Any = answer
        for name in path.split("."):
            part = part.get(name) if isinstance(part, dict) else None
        if part != value:
            raise BenchmarkError(f"{path} is {part!r} instead of {value!r}")


def _last_line(found: Measured) -> str:
    lines = (found.errors.strip() or found.output.strip()).splitlines()
    return lines[-1] if lines else "nothing was printed"
