"""Commits batches in child processes and kills them; run as a script by test_kill.py.

The engine is loaded once and forked for each command, a line of JSON: home, url, batch, and either ``delay`` (seconds
from the beginning of the commit to SIGKILL) or ``statement`` (the number of the SQL statement it is killed before).
The answer is a line too: whether it was killed, and how long the commit ran and how many statements it sent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet  # noqa: F401  (loaded before forking, as is whatever else a commit needs)
import sqlalchemy as sa
from adbc_driver_sqlite import dbapi  # noqa: F401
from pgpq import ArrowToPostgresBinaryEncoder  # noqa: F401
from sqlalchemy import event

from engine.service import ImportExportService
from engine.settings import Settings


def commit(command: dict[str, Any], ready: int) -> int:
    """Commit the batch; answers how many statements were sent. May be killed at any moment."""
    home = Path(command["home"])
    settings = Settings(home, command["url"], str(home / "storage"), Path(command["catalog"]), "victim")
    service = ImportExportService(settings)
    sent = 0

    @event.listens_for(service.database, "before_cursor_execute")
    def count(*_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == command.get("statement"):
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(service.database, "commit")
    def last(connection: sa.Connection) -> None:
        count()

    os.write(ready, b"ready")
    service.commit(command["batch"], partial=True)
    return sent


def serve(command: dict[str, Any]) -> dict[str, Any]:
    """One fork, killed or let live."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        sent = commit(command, writing)
        os.write(writing, str(sent).encode())
        os._exit(0)
    os.close(writing)
    os.read(reading, 5)
    started = time.perf_counter()
    if command.get("delay") is not None:
        time.sleep(command["delay"])
        os.kill(child, signal.SIGKILL)
    sent = os.read(reading, 20)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - started
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"the commit failed with {status}"
    return {"killed": killed, "seconds": seconds, "statements": int(sent or b"0")}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)
