"""One process from its start to its end: how long it took, and the most memory it held.

The caller has to stay small: a child begins with its parent's high-water mark of memory (Linux counts
it across fork and exec), so nothing heavy is imported where processes are measured.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """``peak_mb`` is of the process alone, or of it and all its descendants where the tree was asked for."""

    seconds: float
    peak_mb: float
    code: int
    output: str
    errors: str


def measure(command: list[str], *, folder: Path, environment: dict[str, str], tree: bool = False) -> Measured:
    """The command has ended; what it printed is kept, whatever its exit code."""
    os.sync()  # what earlier processes wrote must not be paid for by this one's fsync
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        watched = _Tree(process.pid) if tree else None
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = max(usage.ru_maxrss / 1024, watched.stop() if watched else 0)
        return Measured(seconds, peak, process.returncode, _text(output), _text(errors))


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


class _Tree:
    """Samples the resident memory of a process and its descendants, in MB, until stopped."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, _tree_mb(self._root))


def _tree_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except (OSError, IndexError):  # it ended while we looked
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(_tree_mb(int(child)) for child in children)
