"""A database nobody described becomes a catalog."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.catalog.loader import parse_catalog
from engine.catalog.model import Catalog, Entity, Field, Link, Reference, Rule
from engine.catalog.order import dependency_order
from engine.catalog.reflect import reflect
from engine.catalog.writer import to_toml
from engine.errors import CatalogError


@pytest.fixture
def database(database_url: str) -> Iterator[sa.Engine]:
    Path(sa.make_url(database_url).database or "").parent.mkdir(parents=True, exist_ok=True)
    made = sa.create_engine(database_url, poolclass=sa.NullPool)
    yield made
    made.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[sa.Engine]:
    made = sa.create_engine(f"sqlite:///{tmp_path / 'seen.db'}", poolclass=sa.NullPool)
    yield made
    made.dispose()


@pytest.fixture
def postgresql(postgresql_scratch: object, tmp_path: Path) -> Iterator[sa.Engine]:
    with postgresql_scratch.empty(tmp_path) as url:  # type: ignore[attr-defined]
        made = sa.create_engine(url, poolclass=sa.NullPool)
        yield made
        made.dispose()


def seen(database: sa.Engine, *statements: str) -> tuple[Catalog, list[str]]:
    """What the database reflects as once it holds the tables; written and read again, it says the same."""
    with database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    catalog, notes = reflect(database)
    assert not catalog.entities or parse_catalog(to_toml(catalog), "").digest == catalog.digest
    return catalog, notes


def identity(entity: Entity) -> tuple[tuple[str, ...], str | None]:
    return entity.key, entity.id


def references(entity: Entity) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(f.name, f.reference.to, f.reference.column, f.reference.by) for f in entity.fields if f.reference]


ANY = ("key", "alias", "display")
SERIAL = {"sqlite": "INTEGER PRIMARY KEY", "postgresql": "serial PRIMARY KEY"}


def serial(database: sa.Engine) -> str:
    return SERIAL[database.dialect.name]


def test_a_numbered_table_is_known_by_its_unique_name(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        f"CREATE TABLE a (id {serial(database)}, code varchar(5) NOT NULL UNIQUE, x integer NOT NULL,"
        " y integer NOT NULL, maybe varchar(9) UNIQUE, name text, UNIQUE (x, y))",
        f"CREATE TABLE b (id {serial(database)}, a_id integer NOT NULL REFERENCES a,"
        " a_code varchar(5) REFERENCES a (code), a_maybe varchar(9) REFERENCES a (maybe), UNIQUE (a_id))",
    )
    a, b = catalog.entities
    assert (identity(a), a.uniques, a.display) == ((("code",), "id"), (("x", "y"),), "name")
    assert [(f.name, f.kind, f.required, f.unique, f.length) for f in a.fields] == [
        ("code", "text", True, False, 5),
        ("x", "integer", True, False, None),
        ("y", "integer", True, False, None),
        ("maybe", "text", False, True, 9),
        ("name", "text", False, False, None),
    ]
    assert identity(b) == (("a_id",), "id")
    assert references(b) == [
        ("a_id", "a", "id", ANY),
        ("a_code", "a", "code", ("key",)),
        ("a_maybe", "a", "maybe", ("key",)),
    ]
    assert notes == []


def test_a_reference_to_the_display_name_may_be_written_as_that(database: sa.Engine) -> None:
    catalog, _ = seen(
        database,
        "CREATE TABLE park (code varchar(5) PRIMARY KEY, name varchar(40) UNIQUE)",
        "CREATE TABLE team (code varchar(5) PRIMARY KEY, park varchar(40) REFERENCES park (name))",
    )
    assert references(catalog.entity("team")) == [("park", "park", "name", ("key", "display"))]


def test_the_primary_key_is_the_key_where_there_is_no_other_name(database: sa.Engine) -> None:
    catalog, _ = seen(
        database,
        f"CREATE TABLE numbered (id {serial(database)}, label text)",
        "CREATE TABLE named (code varchar(5) PRIMARY KEY, other integer NOT NULL UNIQUE)",
        "CREATE TABLE given (nr integer NOT NULL, part integer NOT NULL, PRIMARY KEY (part, nr))",
        "CREATE TABLE keyless (a integer NOT NULL UNIQUE, b integer)",
    )
    assert {entity.name: identity(entity) for entity in catalog.entities} == {
        "numbered": (("id",), None),
        "named": (("code",), None),
        "given": (("part", "nr"), None),
        "keyless": (("a",), None),
    }


def test_a_table_without_any_key_is_left_out_with_a_note(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        "CREATE TABLE loose (a integer UNIQUE)",
        "CREATE TABLE b (code integer NOT NULL, a integer REFERENCES loose (a), PRIMARY KEY (code))",
        "CREATE TABLE portage_batch (id integer PRIMARY KEY)",
        "CREATE TABLE alembic_version (version varchar(9) PRIMARY KEY)",
        "CREATE VIEW seen AS SELECT * FROM b",
    )
    assert [entity.name for entity in catalog.entities] == ["b"]
    assert notes == [
        "loose has no primary key and no unique one, so it is left out.",
        "b: the reference over a leads to loose, which is no entity here; the values are taken as they are.",
    ]
    assert catalog.entity("b").field("a").kind == "integer"


def test_composite_references_become_links(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        "CREATE TABLE a (x integer NOT NULL, y varchar(9) NOT NULL, PRIMARY KEY (x, y))",
        "CREATE TABLE b (code integer NOT NULL, bx integer, by_ varchar(9), up integer REFERENCES b,"
        " PRIMARY KEY (code), FOREIGN KEY (bx, by_) REFERENCES a (x, y))",
        "CREATE TABLE c (bx integer NOT NULL, cy varchar(9) NOT NULL, PRIMARY KEY (bx, cy),"
        " FOREIGN KEY (bx) REFERENCES b, FOREIGN KEY (bx, cy) REFERENCES a (x, y))",
    )
    assert catalog.entity("b").links == (Link("bx_by_", ("bx", "by_"), "a", ("x", "y")),)
    assert references(catalog.entity("b")) == [("up", "b", "code", ("key",))]
    assert catalog.entity("c").links == (Link("bx_cy", ("bx", "cy"), "a", ("x", "y")),)
    assert references(catalog.entity("c")) == [("bx", "b", "code", ("key",))]
    assert notes == []


def test_an_id_others_name_beside_other_columns_is_the_key(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        f"CREATE TABLE a (id {serial(database)}, tenant integer NOT NULL, code varchar(9) NOT NULL UNIQUE,"
        " UNIQUE (tenant, id))",
        "CREATE TABLE b (code integer PRIMARY KEY, tenant integer, a integer,"
        " FOREIGN KEY (tenant, a) REFERENCES a (tenant, id))",
    )
    assert identity(catalog.entity("a")) == (("id",), None)
    assert catalog.entity("b").links == (Link("tenant_a", ("tenant", "a"), "a", ("tenant", "id")),)
    assert notes == []


def test_a_second_reference_over_a_column_is_a_link(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        "CREATE TABLE a (code varchar(9) PRIMARY KEY)",
        "CREATE TABLE b (code varchar(9) PRIMARY KEY)",
        f"CREATE TABLE n (id {serial(database)}, code varchar(9) NOT NULL UNIQUE)",
        "CREATE TABLE c (x varchar(9) PRIMARY KEY, nr integer UNIQUE REFERENCES n,"
        " CONSTRAINT c1 FOREIGN KEY (x) REFERENCES a, CONSTRAINT c2 FOREIGN KEY (x) REFERENCES b)",
        "CREATE TABLE d (x integer PRIMARY KEY, CONSTRAINT d1 FOREIGN KEY (x) REFERENCES c (nr),"
        " CONSTRAINT d2 FOREIGN KEY (x) REFERENCES n)",
    )
    assert references(catalog.entity("c")) == [("x", "a", "code", ("key",)), ("nr", "n", "id", ANY)]
    assert catalog.entity("c").links == (Link("x", ("x",), "b", ("code",)),)
    assert references(catalog.entity("d")) == [("x", "c", "nr", ("key",))]
    assert notes == ["d: the second reference over x, to n, is left to the database."]


def test_a_shared_primary_key_is_a_reference(database: sa.Engine) -> None:
    catalog, _ = seen(
        database,
        f"CREATE TABLE person (id {serial(database)}, email varchar(9) NOT NULL UNIQUE)",
        "CREATE TABLE employee (person_id integer PRIMARY KEY REFERENCES person, badge varchar(9) NOT NULL UNIQUE)",
        "CREATE TABLE shift (employee_id integer NOT NULL REFERENCES employee, day date NOT NULL,"
        " PRIMARY KEY (employee_id, day))",
    )
    assert identity(catalog.entity("employee")) == (("person_id",), None)
    assert references(catalog.entity("employee")) == [("person_id", "person", "id", ANY)]
    assert references(catalog.entity("shift")) == [("employee_id", "employee", "person_id", ("key",))]


def test_a_circle_of_required_references_is_noted_and_only_told_when_used(database: sa.Engine) -> None:
    statements = [
        f"CREATE TABLE a (id {serial(database)}, code varchar(9) NOT NULL UNIQUE, b_id integer NOT NULL)",
        f"CREATE TABLE b (id {serial(database)}, code varchar(9) NOT NULL UNIQUE,"
        " a_id integer NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED)",
    ]
    if database.dialect.name == "postgresql":
        statements.append("ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED")
    else:
        statements[0] = statements[0].replace("b_id integer NOT NULL", "b_id integer NOT NULL REFERENCES b")
    with database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    catalog, notes = reflect(database)
    assert len(catalog.entities) == 2
    assert [note[:46] for note in notes] == ["The records of a → b → a need each other, so n"]
    with pytest.raises(CatalogError, match="a → b → a"):
        dependency_order(catalog)


def test_keys_that_name_each_other_fall_back_to_primary_keys(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        f"CREATE TABLE a (id {serial(database)}, up integer NOT NULL UNIQUE DEFAULT 0)",
        "CREATE TABLE chain (code integer PRIMARY KEY REFERENCES chain)",
    )
    assert identity(catalog.entity("a")) == (("up",), "id")
    assert identity(catalog.entity("chain")) == (("code",), None)
    assert references(catalog.entity("chain")) == []
    assert notes == [
        "chain: the reference over code makes the key of chain depend on itself; the values are taken as they are."
    ]


def test_a_key_chosen_over_the_primary_key_gives_way_to_break_a_circle(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE a (id {serial(database)}, up integer NOT NULL UNIQUE DEFAULT 1 REFERENCES a)"
        )
    catalog, notes = reflect(database)
    assert identity(catalog.entity("a")) == (("id",), None)
    assert references(catalog.entity("a")) == [("up", "a", "id", ("key",))]
    assert len(notes) == 1


def test_not_null_with_a_default_is_not_required_but_filled(database: sa.Engine) -> None:
    catalog, _ = seen(
        database,
        "CREATE TABLE a (code integer PRIMARY KEY, n integer NOT NULL DEFAULT -1, t varchar(9) NOT NULL DEFAULT 'a''b',"
        " at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, free integer DEFAULT 7, ok boolean NOT NULL DEFAULT false,"
        " must integer NOT NULL)",
    )
    fields = [(f.name, f.required, f.filled, f.default) for f in catalog.entity("a").fields]
    assert fields == [
        ("code", True, False, None),
        ("n", False, True, "-1"),
        ("t", False, True, "a'b"),
        ("at", False, True, None),
        ("free", False, False, None),
        ("ok", False, True, "false"),
        ("must", True, False, None),
    ]


def test_checks_become_choices_bounds_and_rules(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        "CREATE TABLE a (code integer PRIMARY KEY, status varchar(9) CHECK (status IN ('on', 'off')),"
        " amount numeric(5,2) NOT NULL CHECK (amount BETWEEN 0 AND 100), level integer CHECK (level IN (1, 2)),"
        " begun date, ended date, CONSTRAINT late CHECK (ended > begun), CHECK (length(status) > 1),"
        " CHECK (status <> 'x' AND amount >= 1))",
    )
    a = catalog.entity("a")
    assert {f.name: f.choices for f in a.fields if f.choices} == {"status": ("on", "off"), "level": ("1", "2")}
    assert (a.field("amount").minimum, a.field("amount").maximum) == ("1", "100")
    assert [(rule.left, rule.operator, rule.right, rule.right_is_field) for rule in a.rules if rule.name == "late"] == [
        ("ended", ">", "begun", True)
    ]
    assert [(rule.left, rule.operator, rule.right) for rule in a.rules if rule.name != "late"] == [
        ("status", "!=", "x")
    ]
    assert len(notes) == 1
    assert notes[0].startswith("a: CHECK (")
    assert notes[0].endswith("is left to the database.")


def test_odd_names_are_kept(database: sa.Engine) -> None:
    catalog, notes = seen(
        database,
        'CREATE TABLE "Order Details: %s" ("park.key" varchar(9) PRIMARY KEY, "it\'s ""x""" integer, "select" integer,'
        ' "Größe" integer CHECK ("Größe" >= 1))'.replace("%", "%%" if database.dialect.name == "postgresql" else "%"),
        'CREATE TABLE "group" ("User" varchar(9) REFERENCES "Order Details: %s", "n=1" integer PRIMARY KEY)'.replace(
            "%", "%%" if database.dialect.name == "postgresql" else "%"
        ),
    )
    odd, group = catalog.entities
    assert (odd.name, [f.name for f in odd.fields]) == (
        "Order Details: %s",
        ["park.key", 'it\'s "x"', "select", "Größe"],
    )
    assert odd.field("Größe").minimum == "1"
    assert references(group) == [("User", "Order Details: %s", "park.key", ("key",))]
    assert notes == []


def test_sqlite_types_are_read_as_loosely_as_sqlite_takes_them(sqlite: sa.Engine) -> None:
    declared = {
        "BIGINT UNSIGNED": ("integer", None, None, None),
        "VARCHAR(10)": ("text", None, None, 10),
        "character varying(7)": ("text", None, None, 7),
        "CLOB": ("text", None, None, None),
        "DECIMAL(10, 5)": ("decimal", 10, 5, None),
        "NUMERIC": ("decimal", None, None, None),
        "NUMERIC(6)": ("decimal", 6, 0, None),
        "DOUBLE PRECISION": ("float", None, None, None),
        "BOOL": ("boolean", None, None, None),
        "DATE": ("date", None, None, None),
        "TIMESTAMP": ("datetime", None, None, None),
        "TIME": ("time", None, None, None),
        "GUID": ("uuid", None, None, None),
        "JSON": ("json", None, None, None),
        "": ("text", None, None, None),
        "WHATEVER": ("text", None, None, None),
    }
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(declared))
    catalog, notes = seen(
        sqlite, f"CREATE TABLE a (id TEXT PRIMARY KEY, {columns}, b BLOB, g AS (c0 + 1), h AS (c0) STORED)"
    )
    fields = [(f.kind, f.precision, f.scale, f.length) for f in catalog.entity("a").fields[1:]]
    assert fields == list(declared.values())
    assert notes == [
        "a.c14 is of no type and is treated as text.",
        "a.c15 is of type WHATEVER and is treated as text.",
        "a.b holds bytes (BLOB) and is left out.",
        "a.g is computed by the database and is left out.",
        "a.h is computed by the database and is left out.",
    ]


def test_sqlite_spells_names_in_any_case(sqlite: sa.Engine) -> None:
    catalog, notes = seen(
        sqlite,
        "CREATE TABLE Parent (Id INTEGER PRIMARY KEY, Code VARCHAR(10) UNIQUE NOT NULL, N INTEGER CHECK (n >= 2))",
        "CREATE TABLE child (k TEXT PRIMARY KEY, p INTEGER REFERENCES PARENT, q TEXT REFERENCES parent (CODE),"
        " r TEXT REFERENCES gone, s INTEGER REFERENCES parent (n))",
    )
    assert identity(catalog.entity("Parent")) == (("Code",), "Id")
    assert catalog.entity("Parent").field("N").minimum == "2"
    assert references(catalog.entity("child")) == [("p", "Parent", "Id", ANY), ("q", "Parent", "Code", ("key",))]
    assert notes == [
        "child: the reference over r leads to gone, which is no entity here; the values are taken as they are.",
        "child: the reference over s leads to columns of Parent that are not unique; the values are taken as they are.",
    ]


def test_sqlite_only_numbers_rows_of_integer_primary_keys(sqlite: sa.Engine) -> None:
    catalog, _ = seen(
        sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE)",
        "CREATE TABLE b (id INT PRIMARY KEY, code TEXT NOT NULL UNIQUE)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) WITHOUT ROWID",
        "CREATE VIRTUAL TABLE f USING fts5(body)",
        "CREATE UNIQUE INDEX part ON b (code) WHERE id > 1",
        "CREATE UNIQUE INDEX expression ON c (lower(code))",
    )
    assert {entity.name: identity(entity) for entity in catalog.entities} == {
        "a": (("code",), "id"),
        "b": (("id",), None),
        "c": (("id",), None),
    }
    assert [entity.uniques for entity in catalog.entities] == [(), (), ()]


def test_links_of_columns_of_different_types_are_left_to_the_database(sqlite: sa.Engine) -> None:
    catalog, notes = seen(
        sqlite,
        "CREATE TABLE a (x INTEGER, y INTEGER, PRIMARY KEY (x, y))",
        "CREATE TABLE b (k TEXT PRIMARY KEY, x INTEGER, y TEXT, FOREIGN KEY (x, y) REFERENCES a)",
    )
    assert catalog.entity("b").links == ()
    assert notes == ["b: x, y and what they refer to in a are of different types."]


def test_postgresql_types_are_read_by_name(postgresql: sa.Engine) -> None:
    declared = {
        "smallint": ("integer", None, None, None, "-32768", "32767"),
        "integer": ("integer", None, None, None, "-2147483648", "2147483647"),
        "bigint": ("integer", None, None, None, None, None),
        "numeric(10,2)": ("decimal", 10, 2, None, None, None),
        "numeric": ("decimal", None, None, None, None, None),
        "real": ("float", None, None, None, None, None),
        "double precision": ("float", None, None, None, None, None),
        "boolean": ("boolean", None, None, None, None, None),
        "date": ("date", None, None, None, None, None),
        "timestamptz": ("datetime", None, None, None, None, None),
        "timestamp(3)": ("datetime", None, None, None, None, None),
        "time": ("time", None, None, None, None, None),
        "uuid": ("uuid", None, None, None, None, None),
        "jsonb": ("json", None, None, None, None, None),
        "varchar(9)": ("text", None, None, 9, None, None),
        "char(3)": ("text", None, None, 3, None, None),
        "text[]": ("text", None, None, None, None, None),
        "interval": ("text", None, None, None, None, None),
        "xml": ("text", None, None, None, None, None),
        "mood": ("text", None, None, None, None, None),
        "positive": ("integer", None, None, None, "-2147483648", "2147483647"),
    }
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(declared))
    catalog, notes = seen(
        postgresql,
        "CREATE TYPE mood AS ENUM ('well', 'it''s so')",
        "CREATE DOMAIN positive AS integer CHECK (value > 0)",
        f"CREATE TABLE a (id text PRIMARY KEY, {columns}, b bytea, g integer GENERATED ALWAYS AS (c1 + 1) STORED)",
    )
    fields = [(f.kind, f.precision, f.scale, f.length, f.minimum, f.maximum) for f in catalog.entity("a").fields[1:]]
    assert fields == list(declared.values())
    assert catalog.entity("a").field("c19").choices == ("well", "it's so")
    assert notes == [
        "a.c10 keeps no time zone; its moments are taken as UTC.",
        "a.c16 is of type text[] and is treated as text.",
        "a.c17 is of type interval and is treated as text.",
        "a.c18 is of type xml and is treated as text.",
        "a.b holds bytes (bytea) and is left out.",
        "a.g is computed by the database and is left out.",
    ]


def test_postgresql_ids_partitions_and_other_schemas(postgresql: sa.Engine) -> None:
    catalog, notes = seen(
        postgresql,
        "CREATE SCHEMA aside",
        "CREATE TABLE aside.far (code text PRIMARY KEY)",
        "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE)",
        "CREATE TABLE b (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, code text NOT NULL,"
        " far text REFERENCES aside.far)",
        "CREATE UNIQUE INDEX b_code ON b (code)",
        "CREATE UNIQUE INDEX b_part ON b (far) WHERE code <> ''",
        "CREATE TABLE c (id uuid PRIMARY KEY, code text NOT NULL UNIQUE)",
        "CREATE TABLE p (d date PRIMARY KEY) PARTITION BY RANGE (d)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    )
    assert [(e.name, *identity(e), e.id_kind) for e in catalog.entities] == [
        ("a", ("code",), "id", "integer"),
        ("b", ("code",), "id", "uuid"),
        ("c", ("id",), None, "integer"),
        ("p", ("d",), None, "integer"),
    ]
    assert not catalog.entity("b").field("far").unique
    assert notes == [
        "b: the reference over far leads to another schema, which is no entity here; the values are taken as they are."
    ]


def test_northwind(shared_data: Path) -> None:
    url = f"sqlite:///file:{shared_data / 'rel/northwind/northwind.sqlite'}?mode=ro&uri=true"
    database = sa.create_engine(url, poolclass=sa.NullPool)
    catalog, notes = seen(database)
    assert notes == [
        "Categories.Picture holds bytes (BLOB) and is left out.",
        "Employees.Photo holds bytes (BLOB) and is left out.",
    ]
    assert [entity.name for entity in dependency_order(catalog)] == [
        "Categories", "CustomerDemographics", "Customers", "Employees", "Regions", "Shippers", "Suppliers",
        "CustomerCustomerDemo", "Orders", "Products", "Territories", "EmployeeTerritories", "Order Details",
    ]  # fmt: skip
    details = catalog.entity("Order Details")
    by_key = ("key",)
    assert details == Entity(
        name="Order Details",
        table="Order Details",
        id=None,
        key=("OrderID", "ProductID"),
        fields=(
            Field("OrderID", "OrderID", "reference", required=True, reference=Reference("Orders", "OrderID", by_key)),
            Field(
                "ProductID",
                "ProductID",
                "reference",
                required=True,
                reference=Reference("Products", "ProductID", by_key),
            ),
            Field("UnitPrice", "UnitPrice", "decimal", minimum="0", default="0", filled=True),
            Field("Quantity", "Quantity", "integer", default="1", filled=True),
            Field("Discount", "Discount", "float", minimum="0", maximum="1", default="0", filled=True),
        ),
        rules=(Rule("Quantity_check", "Quantity", ">", "0", False, "It must hold that Quantity > 0."),),
    )


@pytest.mark.parametrize("name", ["lahman", "countries", "linguist", "glottolog"])
def test_real_schemas(database: sa.Engine, shared_data: Path, name: str) -> None:
    """The tables as their owners describe them; a table without a key is left out, and so is nothing else."""
    schema = json.loads((shared_data / "rel" / name / "schema.json").read_text())["tables"]
    referred = {(key["ref"], *key["refcols"]) for said in schema.values() for key in said["fks"]}
    metadata = sa.MetaData()
    for table, said in schema.items():
        with (shared_data / "rel" / name / said["file"]).open(encoding="utf-8-sig", newline="") as file:
            headings = next(csv.reader(file))
        made = sa.Table(
            table, metadata, *(sa.Column(h, sa.String(200), primary_key=h in (said["pk"] or [])) for h in headings)
        )
        for other, *columns in sorted(referred):
            if other == table and columns != said["pk"]:
                made.append_constraint(sa.UniqueConstraint(*columns))
    for table, said in schema.items():
        for key in said["fks"]:
            targets = [metadata.tables[key["ref"]].c[column] for column in key["refcols"]]
            metadata.tables[table].append_constraint(sa.ForeignKeyConstraint(key["cols"], targets))
    metadata.create_all(database)
    catalog, notes = seen(database)
    keyless = sorted(table for table, said in schema.items() if not said["pk"])
    assert sorted(notes) == [f"{table} has no primary key and no unique one, so it is left out." for table in keyless]
    assert {entity.name: set(entity.key) for entity in catalog.entities} == {
        table: set(said["pk"]) for table, said in schema.items() if said["pk"]
    }
    found = {
        (entity.name, tuple(sorted(columns)), to)
        for entity in catalog.entities
        for columns, to in [
            *(((f.name,), f.reference.to) for f in entity.fields if f.reference),
            *((link.fields, link.to) for link in entity.links),
        ]
    }
    assert found == {
        (table, tuple(sorted(key["cols"])), key["ref"])
        for table, said in schema.items()
        for key in said["fks"]
        if said["pk"]
    }
    assert len(dependency_order(catalog)) == len(catalog.entities)
