"""Where things are, from the environment: the one module that reads it.

``PORTAGE_HOME`` (default ``var``), ``PORTAGE_DATABASE_URL`` (default a SQLite file under it),
``PORTAGE_STORAGE`` (an fsspec URL, default a folder under it), ``PORTAGE_CATALOG`` (default the sample's).
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_data"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run takes from its surroundings."""

    home: Path
    database_url: str
    storage_url: str
    catalog_file: Path
    user: str


def read_settings(
    environment: Mapping[str, str] = os.environ,
    *,
    database_url: str | None = None,
    catalog_file: str | None = None,
    user: str | None = None,
) -> Settings:
    """The settings of ``environment``, each overridden by the argument of its name where one is given."""
    home = Path(environment.get("PORTAGE_HOME", "var"))
    return Settings(
        home=home,
        database_url=database_url
        or environment.get("PORTAGE_DATABASE_URL")
        or f"sqlite:///{(home / 'portage.db').absolute()}",
        storage_url=environment.get("PORTAGE_STORAGE") or str((home / "storage").absolute()),
        catalog_file=Path(catalog_file or environment.get("PORTAGE_CATALOG") or SAMPLE / "catalog.toml"),
        user=user or environment.get("PORTAGE_USER") or _login(),
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
