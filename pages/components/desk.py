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
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine.model import Batch
from engine.pipeline import Progress
from engine.service import ImportExportService, Preview

Key = tuple[str, ...]
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
        self._previews: OrderedDict[str, Preview] = OrderedDict()

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
        preview = self._previews.get(batch.id)
        if preview is None or preview.batch != batch:
            return None
        current = service.around.storage.read_json(service.around.storage.path(batch.id, "current.json"))
        return preview if current and current["run"] == preview.run.id else None

    def keep(self, preview: Preview) -> None:
        """The preview is at hand for the next click."""
        with self._lock:
            self._previews[preview.batch.id] = preview
            self._previews.move_to_end(preview.batch.id)
            while len(self._previews) > KEPT:
                self._previews.popitem(last=False)


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The desk of this process."""
    return Desk()
