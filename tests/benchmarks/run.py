"""Measures Portage beside the databases' own loaders and prints the ratios: ``python tests/benchmarks/run.py``.

Only ratios of one run mean anything, since machines are shared: all contenders take turns, round by
round, and medians are compared. Every run of Portage is checked to have done its work.
Exit code 0 means that all figures measured are within their limits.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import figures
from baselines import BASELINES, SAMPLED_ROWS, TABLE, Baseline, State, write_order_ids
from databases import Databases, PostgreSQLDatabases, SQLiteDatabases
from measured import Measured, measure
from portage import JOBS, BenchmarkError, Counts, Job, Portage

MEMORY_FACTOR = 5
TIMED = "timed"


def main(arguments: list[str]) -> int:
    """The tables are printed."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="portage-bench-", dir=options.folder) as name:
        folder = Path(name)
        databases = SQLiteDatabases(folder / "databases") if options.database == "sqlite" else PostgreSQLDatabases()
        run = Run(databases, Portage(options.command, folder / "home"), folder / "data", options.only)
        try:
            run.generate(options.orders)
            run.prepare()
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
                run.take_turns()
            passed = run.report()
            if options.memory:
                passed = run.memory(options.orders) and passed
        except BenchmarkError as error:
            print(f"Nothing could be measured: {error}", file=sys.stderr)
            passed = False
        finally:
            databases.close()
    return 0 if passed else 1


def _options(arguments: list[str]) -> argparse.Namespace:
    names = sorted({item.name for items in BASELINES.values() for item in items} | {job.name for job in JOBS})
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, help="rows of the order file (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is run (default 3)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument(
        "--memory", action="store_true", help=f"then peak memory, also at {MEMORY_FACTOR} times the rows"
    )
    parser.add_argument("--folder", type=Path, help="where scratch files go (default: the system's)")
    parser.add_argument("--command", default=f"{sys.executable} -m engine", help="the Portage to measure")
    return parser.parse_args(arguments)


@dataclass
class Run:
    """What is measured, where, and what came of it so far."""

    databases: Databases
    portage: Portage
    data: Path
    only: list[str] | None
    counts: Counts = field(init=False)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    peaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def baselines(self) -> list[Baseline]:
        """Those asked for."""
        return [item for item in BASELINES[self.databases.kind] if not self.only or item.name in self.only]

    @property
    def jobs(self) -> list[Job]:
        """Those asked for."""
        fitting = (job for job in JOBS if self.databases.kind in job.databases)
        return [job for job in fitting if not self.only or job.name in self.only]

    def generate(self, orders: int) -> None:
        """The files are in the data folder; made by another process, so that this one stays small."""
        made = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("workload.py")), str(self.data), str(orders)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.counts = Counts(**json.loads(made.stdout))

    def prepare(self) -> None:
        """The databases that runs start from stand."""
        states = {item.state for item in self.baselines} | {job.state for job in self.jobs}
        if states - {"new"}:
            self.portage.prepare(self.databases, self.data, states)
        if any(item.name == "constrained-copy" for item in self.baselines):
            write_order_ids(self.databases.url("ready"), self.data)

    def take_turns(self) -> None:
        """Everything was run once more, each from a copy of the state it starts from."""
        contenders: list[Baseline | Job] = [*self.baselines, *self.jobs]
        for item in contenders:
            if item.name in self.failed:
                continue
            print(f"  {item.name}", file=sys.stderr)
            try:
                self._start(item.state)
                found = self._baseline(item) if isinstance(item, Baseline) else self._job(item)
            except BenchmarkError as error:
                self.failed[item.name] = str(error)
                print(f"  {item.name} failed: {error}", file=sys.stderr)
                continue
            self.peaks[item.name] = max(self.peaks[item.name], found.peak_mb)
        self.databases.drop(TIMED)

    def _start(self, state: State) -> None:
        if state == "new":
            self.databases.new(TIMED)
        else:
            self.databases.copy(state, TIMED)

    def _job(self, job: Job, *, tree: bool = False) -> Measured:
        found = self.portage.run(job, self.databases, TIMED, self.data, self.counts, tree=tree)
        self.seconds[job.name].append(found.seconds)
        return found

    def _baseline(self, baseline: Baseline) -> Measured:
        url = self.databases.url(TIMED)
        found = measure(baseline.command(url, self.data), folder=self.data, environment=dict(os.environ))
        if found.code != 0:
            raise BenchmarkError((found.errors.strip() or "no reason given").splitlines()[-1])
        rows = min(SAMPLED_ROWS, self.counts.orders) if baseline.sampled else self.counts.orders
        stored = self.databases.count(TIMED, "bare" if baseline.state == "new" else TABLE)
        if stored != rows:
            raise BenchmarkError(f"{stored} rows were stored instead of {rows}")
        told = json.loads(found.output)["seconds"] * self.counts.orders / rows if baseline.sampled else None
        self.seconds[baseline.name].append(told or found.seconds)
        return found

    def report(self) -> bool:
        """The tables are printed; answers whether every figure measured is within its limit."""
        kind = self.databases.kind
        megabytes = (self.data / "order.csv").stat().st_size / 1e6
        print(f"\n{self.counts.orders:,} orders ({megabytes:.0f} MB), {kind}, {os.cpu_count()} cores, {_versions()}\n")
        print("\n".join(figures.seconds_table(self.seconds, self.peaks)))
        lines, passed = figures.ratio_table(kind, self.seconds, self.failed)
        print("\n" + "\n".join(lines))
        does = {item.name: _told(item) for item in self.baselines}
        print("\n" + "\n".join(figures.instead_table(kind, self.seconds, does)), flush=True)
        return passed

    def memory(self, orders: int) -> bool:
        """Peak memory of a first load, of loading changes over it and of bad rows is printed, at both sizes."""
        print("\npeak memory of the process and all it starts")
        passed = True
        for rows in (orders, orders * MEMORY_FACTOR):
            self.generate(rows)
            self.portage.prepare(self.databases, self.data, {"ready"})
            for name, state in (("bad", "ready"), ("first", "ready"), ("changed", TIMED)):
                passed = self._memory_line(name, state, rows) and passed
            self.databases.drop(TIMED)
        return passed

    def _memory_line(self, name: str, state: str, rows: int) -> bool:
        job = next(job for job in JOBS if job.name == name)
        if state != TIMED:
            self.databases.copy(state, TIMED)
        try:
            found = self.portage.run(job, self.databases, TIMED, self.data, self.counts, tree=True)
        except BenchmarkError as error:
            print(f"{name:<18}{rows:>12,} rows  not measured: {error}")
            return False
        line, passed = figures.memory_line(name, rows, found.peak_mb)
        print(line, f" {found.seconds:.1f} s", flush=True)
        return passed


def _told(baseline: Baseline) -> str:
    return f"{baseline.does}; {SAMPLED_ROWS:,} rows, scaled up" if baseline.sampled else baseline.does


def _versions() -> str:
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
