"""Stages rows while they are still being checked: the database's work runs beside ours.

What turns out wrong later is taken out of the stage again; once an error makes a commit impossible, feeding stops.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.dialects.port import SEQ, Stage
from engine.resolver.rows import CANDIDATE, REJECTED

AHEAD = 2
"""Batches waiting for the database at most; more only cost memory."""

LISTED = 10_000
"""Numbers in one SQL list."""


class Feed:
    """Feeds one entity's rows after the other to a stage, each from a thread of its own."""

    def __init__(self, stage: Stage, *, stops_on_error: bool) -> None:
        self.stage = stage
        self.stopped = False
        self._stops_on_error = stops_on_error
        self._queue: queue.Queue[pa.RecordBatch | None] = queue.Queue(AHEAD)
        self._thread: threading.Thread | None = None
        self._failure: list[BaseException] = []
        self._table = ""
        self._columns: list[str] = []
        self.staged: dict[str, np.ndarray] = {}
        """Per staged table, which rows were fed (bool by ``seq``)."""

    def open(self, table: str, schema: pa.Schema) -> None:
        """Batches of the schema go to the staged table from now on."""
        self._table, self._columns = table, schema.names
        if self.stopped:
            return
        self.staged[table] = np.zeros(0, np.bool_)
        self._thread = threading.Thread(target=self._load, args=(table, schema), name=f"portage-{table}", daemon=True)
        self._thread.start()

    def _load(self, table: str, schema: pa.Schema) -> None:
        try:
            self.stage.load(table, schema, self._batches())
        except BaseException as error:
            self._failure.append(error)
            while self._queue.get() is not None:
                pass

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._queue.get()) is not None:
            yield batch

    def put(self, table: pa.Table, fate: np.ndarray) -> None:
        """The candidates among the rows are on their way."""
        if self._stops_on_error and (fate == REJECTED).any():
            self.stopped = True
        if self.stopped:
            return
        wanted = fate == CANDIDATE
        self.staged[self._table] = np.concatenate([self.staged[self._table], wanted])
        chosen = table.select(self._columns)
        for batch in (chosen if wanted.all() else chosen.filter(pa.array(wanted))).combine_chunks().to_batches():
            self._queue.put(batch)

    def close(self) -> None:
        """All rows put so far are staged; raises what the staging raised."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        if self._failure:
            raise self._failure[0]

    def abandon(self) -> None:
        """Nothing more is fed, whatever became of what was."""
        self.stopped = True
        with contextlib.suppress(BaseException):
            self.close()


def take_out(connection: sa.Connection, stage: Stage, table: str, seqs: np.ndarray) -> None:
    """The rows with these numbers are no longer staged."""
    for start in range(0, len(seqs), LISTED):
        listed = ", ".join(str(seq) for seq in seqs[start : start + LISTED])
        connection.exec_driver_sql(f'DELETE FROM {stage.name(table)} WHERE "{SEQ}" IN ({listed})')
