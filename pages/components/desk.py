"""Long work, done outside the script: a refresh, a closed tab or a second click neither ends it nor starts it twice.

No call of Streamlit stands between the beginning and the end of a transaction, because such a call is where a script is
stopped. The outcome of a commit is read from the ledger, so nothing is lost with the desk.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from engine.model import Batch
from engine.notebook import EDIT, EXCLUDE
from engine.service import ImportExportService, Preview
from engine.surroundings import Progress

Key = tuple[str, ...]
SLOW = 2.0
"""Seconds of checking from which on edits are gathered, and checked when somebody says so."""
KEPT = 8
"""Previews held in memory: the batches people are looking at."""


@dataclass
class Job:
    """One piece of work under way or just done; ``stage``, ``done`` and ``total`` say how far it is."""

    future: Future[Any] = field(default_factory=Future)
    stage: str = "Starting"
    done: int = 0
    total: int = 0
    started: float = field(default_factory=time.monotonic)

    def progress(self, stage: str, done: int, total: int) -> None:
        """The engine tells how far it is."""
        self.stage, self.done, self.total = stage, done, total

    def run(self, work: Callable[[Progress], Any]) -> None:
        """The work is done, or failed; either way the future says so."""
        try:
            self.future.set_result(work(self.progress))
        except BaseException as error:
            self.future.set_exception(error)


class Desk:
    """All work of this process, by key."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="portage-desk")
        self._lock = threading.Lock()
        self._jobs: dict[Key, Job] = {}
        self._previews: OrderedDict[str, tuple[Preview, float]] = OrderedDict()

    def start(self, key: Key, work: Callable[[Progress], Any]) -> Job:
        """The job of this key: the one under way, or a new one."""
        with self._lock:
            if key not in self._jobs:
                job = self._jobs[key] = Job()
                self._pool.submit(job.run, work)
            return self._jobs[key]

    def find(self, key: Key) -> Job | None:
        """The job of this key, if there is one."""
        return self._jobs.get(key)

    def forget(self, key: Key) -> None:
        """There is no job of this key any more; the next start is a new one."""
        with self._lock:
            self._jobs.pop(key, None)

    def kept(self, service: ImportExportService, batch: Batch) -> Preview | None:
        """The batch's preview, where it is still the one in the batch's folder and nothing was added since."""
        preview, _ = self._previews.get(batch.id, (None, 0.0))
        if preview is None or preview.batch != batch:
            return None
        current = service.around.storage.read_json(service.around.storage.path(batch.id, "current.json"))
        return preview if current and current["run"] == preview.run.id else None

    def before(self, batch: Batch) -> Preview | None:
        """The preview before the last edits, where checking takes so long that nobody would wait for it each time."""
        preview, seconds = self._previews.get(batch.id, (None, 0.0))
        if preview is None or seconds < SLOW:
            return None
        known = len(preview.batch.steps)
        is_same = (batch.sources, batch.steps[:known]) == (preview.batch.sources, preview.batch.steps)
        only_edits = all(step.kind in (EDIT, EXCLUDE) for step in batch.steps[known:])
        return replace(preview, batch=batch) if is_same and only_edits else None

    def unchecked(self, batch: Batch) -> int:
        """How many of the batch's steps the preview at hand does not know yet."""
        preview, _ = self._previews.get(batch.id, (None, 0.0))
        return len(batch.steps) - len(preview.batch.steps) if preview else 0

    def keep(self, preview: Preview, seconds: float) -> None:
        """The preview is at hand for the next click; ``seconds`` is what it took."""
        with self._lock:
            self._previews[preview.batch.id] = preview, seconds
            self._previews.move_to_end(preview.batch.id)
            while len(self._previews) > KEPT:
                self._previews.popitem(last=False)


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The desk of this process."""
    return Desk()
