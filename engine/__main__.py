"""``python -m engine``: the command line."""

from __future__ import annotations

import contextlib
import os
import sys

from engine.cli.app import main


def run() -> None:
    """The command is carried out, and the process ended with its exit code.

    The interpreter is not taken down first: Arrow's threads may still let go of Python objects, and doing so in a dying
    interpreter aborts the process after its work is done. Everything is closed and written by then.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
