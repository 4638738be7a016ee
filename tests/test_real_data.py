"""Databases and files of the real world: a catalog nobody wrote for Portage, and references that do not hold."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

from engine.catalog.loader import load_catalog
from engine.catalog.model import Catalog, Entity, Field, Link, Reference, make_catalog
from engine.catalog.reflect import reflect
from engine.catalog.writer import to_toml
from engine.database import open_database
from engine.model import ExportOptions
from engine.service import ImportExportService
from engine.settings import Settings
from tests.conftest import Scratch


def _service(home: Path, url: str, catalog: Catalog) -> ImportExportService:
    return ImportExportService(
        Settings(home, url, str(home / "storage"), home / "none.toml", "tester"), catalog=catalog
    )


def _files(folder: Path) -> list[tuple[Path, str, str | None]]:
    return [(path, path.name, None) for path in sorted(folder.iterdir())]


def test_a_database_never_seen_round_trips(shared_data: Path, scratch: Scratch, tmp_path: Path) -> None:
    """Northwind is reflected, exported, imported again unchanged, and rebuilt elsewhere to the same export."""
    original = tmp_path / "northwind.db"
    shutil.copyfile(shared_data / "rel" / "northwind" / "northwind.sqlite", original)
    url = f"sqlite:///{original}"
    (tmp_path / "catalog.toml").write_text(to_toml(reflect(open_database(url))[0]))
    catalog = load_catalog(tmp_path / "catalog.toml")
    here = _service(tmp_path / "here", url, catalog)
    for format in ("csv", "json"):
        out = tmp_path / format
        rows = here.export(ExportOptions(format=format), out).entities
        again = here.run_import(_files(out))
        assert again.status == "committed"
        assert {name: counts.unchanged for name, counts in again.entities.items()} == rows
    with scratch.empty(tmp_path / "there") as other:
        there = _service(tmp_path / "there", other, catalog)
        there.init()
        built = there.run_import(_files(tmp_path / "csv"))
        assert sum(counts.insert for counts in built.entities.values()) == 3310
        there.export(ExportOptions(format="csv"), tmp_path / "there_csv")
        there.database.dispose()
    for path in (tmp_path / "csv").iterdir():
        rebuilt = (tmp_path / "there_csv" / path.name).read_text()
        assert Counter(rebuilt.splitlines()) == Counter(path.read_text().splitlines()), path.name


def test_references_over_several_fields_and_those_that_dangle(
    shared_data: Path, scratch: Scratch, tmp_path: Path
) -> None:
    """Baseball: 108,789 rows refer to teams by year, league and team; ten rows name schools that are not there."""
    folder = shared_data / "rel" / "lahman"
    schema = json.loads((folder / "schema.json").read_text())
    names = ("People", "TeamsFranchises", "Teams", "Schools", "CollegePlaying", "Batting")
    catalog = make_catalog("lahman", tuple(_entity(folder, name, schema["tables"], names) for name in names))
    with scratch.empty(tmp_path / "home") as url:
        service = _service(tmp_path / "home", url, catalog)
        service.init()
        paths = {name: next(folder.rglob(schema["tables"][name]["file"])) for name in names}
        result = service.run_import([(path, path.name, name) for name, path in paths.items()])
        assert (result.status, result.issues.by_code) == ("refused", {"reference.missing": 10})
        assert result.entities["Batting"].insert == result.entities["Batting"].rows == 108_789
        del paths["CollegePlaying"]
        assert service.run_import([(path, path.name, name) for name, path in paths.items()]).status == "committed"
        assert service.record_counts()["Batting"] == 108_789
        service.database.dispose()


def _entity(folder: Path, name: str, tables: dict, known: tuple[str, ...]) -> Entity:
    """All fields text, keys and references as the set's own schema says."""
    said = tables[name]
    with next(folder.rglob(said["file"])).open(newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    key = tuple(said["pk"] or ("playerID", "schoolID", "yearID"))
    single = {fk["cols"][0]: fk for fk in said["fks"] if len(fk["cols"]) == 1 and fk["ref"] in known}
    fields = tuple(_field(column, key, single.get(column)) for column in columns)
    links = tuple(
        Link(fk["ref"], tuple(fk["cols"]), fk["ref"], tuple(fk["refcols"]))
        for fk in said["fks"]
        if len(fk["cols"]) > 1 and fk["ref"] in known
    )
    return Entity(name, name, fields, key, id=None, links=links)


def _field(column: str, key: tuple[str, ...], fk: dict | None) -> Field:
    if fk is None:
        return Field(column, column, "text", required=column in key)
    target = Reference(fk["ref"], fk["refcols"][0], by=("key",))
    return Field(column, column, "reference", required=column in key, reference=target)
