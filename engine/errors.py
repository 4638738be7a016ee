"""What stops a run. Bad data never raises: it is an :class:`engine.issues.Issue`.

::

    PortageError
    ├── UsageError               wrong words, options, files or configuration   exit 2
    │   ├── CatalogError         the catalog file does not say a sound thing
    │   └── UnreadableFileError  a file that no processor can read
    ├── RefusedError             the data or the plan forbids it                exit 1
    │   └── StalePlanError       the database moved under the plan
    └── EnvironmentFailure       the world around Portage failed                exit 3
        ├── DatabaseError
        └── StorageError

Whatever is raised, nothing was written.
"""

from __future__ import annotations


class PortageError(Exception):
    """A run that cannot go on; ``str(error)`` is a sentence its reader can act on."""

    exit_code = 3


class UsageError(PortageError):
    """Wrong usage or configuration."""

    exit_code = 2


class CatalogError(UsageError):
    """The catalog is wrong; the message names the file and the line."""

    def __init__(self, message: str, *, file: str = "", line: int | None = None) -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{place}{message}")
        self.file = file
        self.line = line


class RefusedError(PortageError):
    """The data or the plan forbids the run; nothing was written."""

    exit_code = 1


class StalePlanError(RefusedError):
    """The database changed since the plan was made."""


class EnvironmentFailure(PortageError):
    """The world around Portage failed; nothing was written."""

    exit_code = 3


class DatabaseError(EnvironmentFailure):
    """The database cannot be reached, read or written."""


class StorageError(EnvironmentFailure):
    """The storage folder cannot be read or written."""


class UnreadableFileError(UsageError):
    """A file that is missing, a directory, or not of a format Portage reads.

    The code is the issue code (``file.*``) that says the same of a file inside a batch.
    """

    def __init__(self, message: str, *, code: str = "file.unreadable") -> None:
        super().__init__(message)
        self.code = code
