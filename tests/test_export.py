"""Records come out as files: all or those asked for, as of one instant; going in again they change nothing."""

from __future__ import annotations

import csv
import json
from dataclasses import astuple
from itertools import count

import pytest

from engine.errors import PortageError, StorageError, UsageError
from engine.export import Destination, export_records
from engine.model import ExportOptions

TWO = "code,name,country,aliases,parent\nACME,Acme Tools Ltd,GB,Acme; A. C. M. E.,\nBOLT,Bolt,,,ACME\n"
SHAPES = {
    "depot": "code,door\nN/1,north\nN,1/north\n",
    "shipment": "day,number,depot\n2026-03-31,1,N/1\n2026-03-31,2,\n",
    "parcel": (
        "label,shipment.day,shipment.number,weight\nP1,2026-03-31,1,0.000001\nP2,2026-03-31,2,12345678901234567.5\n"
    ),
    "document": "title,after\nOne,\nTwo,One\n",
    "page": "document,number,body\nOne,1,x\nTwo,1,\n",
    "reading": (
        "name,whole,exact,long,rough,done,day,moment,clock,token,extra,tags\n"
        "full,7,1.50,0.1,0.1,true,2026-03-31,2026-03-31T14:00:00+02:00,13:45:00,"
        '6f1c0d5e-8a3b-4c2d-9e7f-001122334455,"{""a"": 1}",x; y\n'
        "bare,,,,,,,,,,,\n"
    ),
}


def export(desk, *entities, format="csv", where=()):
    folder = desk.folder / f"out{next(NUMBERS)}"
    result = desk.service.export(ExportOptions(entities, format, tuple(where)), folder)
    return folder, result


NUMBERS = count(1)


def keys(folder, entity, *names):
    with (folder / f"{entity}.csv").open(encoding="utf-8", newline="") as file:
        return ["/".join(row[name] for name in names) for row in csv.DictReader(file)]


def test_a_file_holds_the_slots_of_an_entity_as_canonical_text(desk):
    desk.load(organization=TWO)
    folder, result = export(desk, "organization")
    assert (folder / "organization.csv").read_text(encoding="utf-8").splitlines() == [
        "code,name,country,website,aliases,parent",
        'ACME,Acme Tools Ltd,GB,,"[""Acme"",""A. C. M. E.""]",',
        "BOLT,Bolt,,,,ACME",
    ]
    assert (result.entities, result.files) == ({"organization": 2}, (str(folder / "organization.csv"),))


def test_every_entity_comes_out_in_dependency_order(sample_desk):
    folder, result = export(sample_desk)
    assert result.entities == {"organization": 24, "person": 32, "product": 41, "order": 40, "order_line": 97}
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.csv" for name in result.entities)


@pytest.mark.parametrize("format", ["csv", "json", "jsonl"])
def test_what_was_exported_changes_nothing_when_it_is_imported(sample_desk, format):
    before = sample_desk.state()
    _, result = export(sample_desk, format=format)
    done = sample_desk.service.run_import([(sample_desk.folder / path, path, None) for path in result.files])
    assert done.status == "committed", sample_desk.issues(done.batch)
    assert {name: (counts.rows, counts.unchanged) for name, counts in done.entities.items()} == {
        name: (rows, rows) for name, rows in result.entities.items()
    }
    assert sample_desk.state()[:3] == before[:3]


@pytest.mark.parametrize("format", ["csv", "json", "jsonl"])
def test_every_kind_of_value_and_key_comes_back_as_it_was(shapes_desk, format):
    shapes_desk.load(**SHAPES)
    _, result = export(shapes_desk, *SHAPES, format=format)
    done = shapes_desk.service.run_import([(shapes_desk.folder / path, path, None) for path in result.files])
    assert done.status == "committed", shapes_desk.issues(done.batch)
    assert {name: astuple(counts) for name, counts in done.entities.items()} == dict.fromkeys(
        SHAPES, (2, 0, 0, 0, 0, 2, 0)
    )


def test_json_is_one_document_that_says_where_it_comes_from(sample_desk):
    folder, result = export(sample_desk, "organization", "person", format="json")
    assert result.files == (str(folder / "portage.json"),)
    said = json.loads((folder / "portage.json").read_text(encoding="utf-8"))
    told = said["portage"]
    assert (len(said["organization"]), len(said["person"])) == (24, 32)
    assert said["portage_counts"] == {"organization": 24, "person": 32}
    assert told["user"] == "tester"
    assert told["catalog"]["digest"] == sample_desk.service.catalog.digest
    _, single = export(sample_desk, "person", format="json")
    assert single.files[0].endswith("person.json")


@pytest.mark.parametrize(
    ("entity", "names", "where", "found"),
    [
        ("organization", ["code"], [("code", "FOXGLOVE")], ["FOXGLOVE"]),
        ("organization", ["code"], [("organization.code", "FOXGLOVE")], ["FOXGLOVE"]),
        ("organization", ["code"], [("parent", "FOXGLOVE")], ["FOXGLOVE-TEA"]),
        ("order", ["order_no"], [("customer", "BRAMBLE"), ("ordered_on", "2026-01-13")], ["SO-1001"]),
        ("order_line", ["order", "line_no"], [("order", "SO-1002")], ["SO-1002/1", "SO-1002/2"]),
        ("order_line", ["order", "line_no"], [("order", "SO-1002"), ("unit_price", "22")], ["SO-1002/1"]),
        ("order_line", ["order", "line_no"], [("order", "SO-1002"), ("quantity", "04")], ["SO-1002/2"]),
        ("product", ["sku"], [("sku", "417")], []),
        ("organization", ["code"], [("code", "x' OR '1'='1")], []),
        ("organization", ["code"], [("name", "%")], []),
        ("organization", ["code"], [("name", 'a"; DROP TABLE organization; --\\')], []),
    ],
)
def test_where_takes_the_records_with_that_value(sample_desk, entity, names, where, found):
    folder, result = export(sample_desk, entity, where=where)
    assert keys(folder, entity, *names) == found
    assert result.entities == {entity: len(found)}


def test_where_with_nothing_after_the_sign_takes_the_records_without_a_value(desk):
    desk.load(organization=TWO)
    folder, _ = export(desk, "organization", where=[("country", "")])
    assert keys(folder, "organization", "code") == ["BOLT"]


def test_where_names_one_entity_of_several(sample_desk):
    folder, result = export(sample_desk, "order", "product", where=[("order.order_no", "SO-1001")])
    assert result.entities == {"product": 41, "order": 1}
    assert keys(folder, "order", "order_no") == ["SO-1001"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (("shipment", "2026-03-31/2"), ["P2"]),
        (("shipment", "2026-03-31 / 2"), ["P2"]),
        (("shipment.number", "1"), ["P1"]),
        (("weight", "0.0000010"), ["P1"]),
    ],
)
def test_where_reads_composite_references_and_long_numbers(shapes_desk, where, found):
    shapes_desk.load(**SHAPES)
    folder, _ = export(shapes_desk, "parcel", where=[where])
    assert keys(folder, "parcel", "label") == found


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (("rough", "1e-1"), ["full"]),
        (("done", "true"), ["full"]),
        (("moment", "2026-03-31T12:00:00Z"), ["full"]),
        (("moment", "2026-03-31T14:00:00+02:00"), ["full"]),
        (("clock", "13:45"), ["full"]),
        (("token", "6F1C0D5E-8A3B-4C2D-9E7F-001122334455"), ["full"]),
        (("long", "0.10"), ["full"]),
        (("whole", ""), ["bare"]),
    ],
)
def test_where_compares_values_however_they_are_spelled(shapes_desk, where, found):
    shapes_desk.load(**SHAPES)
    folder, _ = export(shapes_desk, "reading", where=[where])
    assert keys(folder, "reading", "name") == found


@pytest.mark.parametrize(
    ("entities", "where", "sentence"),
    [
        (
            ("invoice",),
            (),
            "The catalog has no entity 'invoice': it has organization, person, product, order, order_line.",
        ),
        (
            ("order_line",),
            [("colour", "red")],
            "There is no field 'colour' in order_line: it has order, line_no, product, quantity, unit_price.",
        ),
        ((), [("colour", "red")], "There is no field 'colour' in organization, person, product, order, order_line."),
        (
            ("product", "order_line"),
            [("unit_price", "1")],
            "Several entities have a field 'unit_price': write product.unit_price or order_line.unit_price.",
        ),
        (
            ("order",),
            [("ordered_on", "31.3.2026")],
            "ordered_on cannot be '31.3.2026': write a date such as 2026-03-31.",
        ),
        (("order_line",), [("quantity", "five")], "quantity cannot be 'five': write a whole number."),
        (("order",), [("note", "a\0b")], "The value for note holds letters that no record can have."),
        (("order",), [("note", "\udcff")], "The value for note holds letters that no record can have."),
    ],
)
def test_a_condition_nobody_can_mean_is_refused_and_nothing_is_written(sqlite_desk, entities, where, sentence):
    folder = sqlite_desk.folder / "out"
    with pytest.raises(UsageError) as refused:
        sqlite_desk.service.export(ExportOptions(entities, "csv", tuple(where)), folder)
    assert str(refused.value) == sentence
    assert not folder.exists()


def test_all_files_show_the_database_at_one_instant(sample_desk):
    """Somebody else commits when the first rows were read; no file shows it."""
    other = sample_desk.again()
    files = sample_desk.files(
        organization="code,name\nLATE,Late Ltd\n", person="email,name,organization\nlate@late.example,Late,LATE\n"
    )
    came = []

    def somebody_commits(stage, done, total):
        if not came:
            came.append(other.run_import(files).status)

    folder = sample_desk.folder / "instant"
    result = sample_desk.service.export(ExportOptions(), folder, somebody_commits)
    other.database.dispose()
    assert came == ["committed"]
    assert (result.entities["organization"], result.entities["person"]) == (24, 32)
    assert "late@late.example" not in keys(folder, "person", "email")


def test_an_export_that_fails_leaves_the_files_as_they_were(sample_desk):
    folder, _ = export(sample_desk, "organization")
    before = (folder / "organization.csv").read_bytes()

    class FullDisk:
        format, suffixes = "csv", (".csv",)

        def write(self, file, parts, metadata):
            for chunk in parts[0].chunks:  # noqa: B007
                file.write(b"half")
                if parts[0].entity == "person":
                    raise OSError(28, "No space left on device")
            return {parts[0].entity: chunk.num_rows}

    with pytest.raises(StorageError, match="No space left on device"):
        export_records(
            sample_desk.service.around.records,
            sample_desk.service.database,
            ExportOptions(("organization", "person")),
            Destination(folder, "csv", FullDisk()),
            lambda *_: None,
        )
    assert [path.name for path in folder.iterdir()] == ["organization.csv"]
    assert (folder / "organization.csv").read_bytes() == before


def test_a_folder_that_is_a_file_is_refused(sqlite_desk):
    sqlite_desk.folder.mkdir(parents=True, exist_ok=True)
    file = sqlite_desk.folder / "there"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is a file: name a folder"):
        sqlite_desk.service.export(ExportOptions(), file)
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told(sqlite_desk, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PortageError) as refused:
        sqlite_desk.service.export(ExportOptions(), tmp_path / "file" / "out")
    assert (refused.value.exit_code, refused.type) == (3, StorageError)


def test_an_entity_without_records_still_gives_its_header(desk):
    folder, result = export(desk, "product")
    assert (folder / "product.csv").read_text() == "sku,name,category,unit_price,supplier,aliases\n"
    assert result.entities == {"product": 0}
