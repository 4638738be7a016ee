"""A catalog as tables of both databases, and a database against a catalog."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.catalog.loader import load_catalog, parse_catalog
from engine.catalog.model import Catalog
from engine.catalog.reflect import reflect
from engine.catalog.schema import check_fits, create_missing, fingerprint, metadata, table_of
from engine.errors import CatalogError

ROOT = Path(__file__).parents[2]
SAMPLE = load_catalog(ROOT / "sample_data" / "catalog.toml")
SHAPES = load_catalog(ROOT / "tests" / "catalogs" / "shapes.toml")
CIRCLE = load_catalog(ROOT / "tests" / "catalogs" / "circle.toml")

CHECKED = parse_catalog(
    r"""
format = 1
[entity.thing]
id = false
key = ["code"]
[entity.thing.fields]
code = { type = "integer", minimum = 1, maximum = 9 }
choice = { type = "text", choices = ["100%", "it's", "a:b", 'c\d'] }
price = { type = "decimal(12,2)", minimum = "0.10" }
long = { type = "decimal(38,10)", minimum = "9999999999999999.0000000001" }
low = { type = "decimal(38,10)" }
begun = { type = "date" }
ended = { type = "date" }
moment = { type = "datetime", maximum = "2026-03-31T12:00:00+02:00" }
one = { type = "text", unique = true }
other = { type = "text" }
above = { type = "reference", to = "thing" }
wet = { type = "boolean" }
made = { type = "text", filled = true, default = "it's 5% :x" }
[[entity.thing.rules]]
name = "ended_late"
check = "ended > begun"
[[entity.thing.rules]]
name = "dry"
check = "wet == false"
[[entity.thing.rules]]
name = "by_code_point"
check = "one < other"
[[entity.thing.rules]]
name = "long_above_low"
check = "long > low"
""",
    "checked.toml",
)

ODD = parse_catalog(
    r"""
format = 1
[entity."Order % Details: \"all\""]
key = ["park.key", "it's"]
[entity."Order % Details: \"all\"".fields]
"park.key" = { type = "text" }
"it's" = { type = "text", choices = ["%s", "%(x)s"] }
"select" = { type = "text", unique = true }
"Größe (cm)" = { type = "integer", minimum = 0 }
[entity.group]
id = false
key = ["User"]
[entity.group.fields]
User = { type = "text" }
first = { type = "text" }
"second.part" = { type = "text" }
"a long name of a reference that is as long as a name may be, or" = { type = "reference", to = "group" }
"a long name of a reference that is as long as a name may be, so" = { type = "reference", to = "group" }
[[entity.group.links]]
name = "to odd"
fields = ["first", "second.part"]
to = "Order % Details: \"all\""
""",
    "odd.toml",
)


@pytest.fixture
def database(database_url: str) -> Iterator[sa.Engine]:
    Path(sa.make_url(database_url).database or "").parent.mkdir(parents=True, exist_ok=True)
    made = sa.create_engine(database_url, poolclass=sa.NullPool)
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    yield made
    made.dispose()


@pytest.fixture
def connection(database: sa.Engine) -> Iterator[sa.Connection]:
    with database.connect() as opened:
        yield opened


def columns(connection: sa.Connection, table: str) -> dict[str, tuple[str, bool]]:
    """Type and whether it may be NULL of each column, as the database words them."""
    found = sa.inspect(connection).get_columns(table)
    return {column["name"]: (str(column["type"]), column["nullable"]) for column in found}


@pytest.mark.parametrize(
    ("catalog", "tables"),
    [
        (SAMPLE, "organization person product customer_order order_line"),
        (CIRCLE, "team employee"),
    ],
)
def test_missing_tables_are_made_in_dependency_order_and_only_once(
    connection: sa.Connection, catalog: Catalog, tables: str
) -> None:
    assert create_missing(connection, catalog) == tables.split()
    check_fits(connection, catalog)
    assert create_missing(connection, catalog) == []
    connection.exec_driver_sql(f"DROP TABLE {tables.split()[-1]}" + _cascade(connection))
    assert create_missing(connection, catalog) == [tables.split()[-1]]


def _cascade(connection: sa.Connection) -> str:
    return " CASCADE" if connection.dialect.name == "postgresql" else ""


@pytest.mark.parametrize("catalog", [SAMPLE, SHAPES, CIRCLE, ODD, CHECKED], ids=lambda catalog: catalog.file)
def test_a_database_made_from_a_catalog_reflects_as_the_same_tables(database: sa.Engine, catalog: Catalog) -> None:
    with database.begin() as connection:
        create_missing(connection, catalog)
    found, _ = reflect(database)
    again = {entity.table: entity for entity in found.entities}
    for entity in catalog.entities:
        other = again[entity.table]
        by_column = {item.name: item for item in other.fields}
        assert other.id == entity.id
        assert other.key == tuple(entity.field(name).column for name in entity.key)
        assert {item.column for item in entity.fields} == set(by_column)
        for item in entity.fields:
            same = by_column[item.column]
            if any(link.fields == (item.name,) for link in entity.links):
                continue  # a link over one field is reflected as a reference
            kind = "text" if item.kind == "list" and database.dialect.name == "postgresql" else item.kind
            assert (same.kind, same.precision, same.scale) == (kind, item.precision, item.scale)
            assert (same.required, same.length, same.choices) == (item.required, item.length, item.choices)


def test_each_kind_is_stored_so_that_nothing_is_lost(connection: sa.Connection) -> None:
    create_missing(connection, SHAPES)
    made = columns(connection, "reading")
    if connection.dialect.name == "postgresql":
        assert {name: kind for name, (kind, _) in made.items()} == {
            "id": "BIGINT",
            "name": "TEXT",
            "whole": "BIGINT",
            "exact": "NUMERIC(12, 2)",
            "long": "NUMERIC(38, 10)",
            "rough": "DOUBLE PRECISION",
            "done": "BOOLEAN",
            "day": "DATE",
            "moment": "TIMESTAMP",
            "clock": "TIME",
            "token": "UUID",
            "extra": "JSON",
            "tags": "TEXT",
        }
        return
    values = "'x', 7, 12.50, '0.10000000000000000001', 0.5, 1, '2026-03-31', '2026-03-31 12:00:00.000000', '09:30:00'"
    texts = "'00000000-0000-4000-8000-000000000001', '1.50', '10'"
    names = "name, whole, exact, long, rough, done, day, moment, clock, token, extra, tags"
    connection.exec_driver_sql(f"INSERT INTO reading ({names}) VALUES ({values}, {texts})")
    assert connection.exec_driver_sql(f"SELECT {names} FROM reading").one() == (
        "x",
        7,
        12.5,
        "0.10000000000000000001",
        0.5,
        1,
        "2026-03-31",
        "2026-03-31 12:00:00.000000",
        "09:30:00",
        "00000000-0000-4000-8000-000000000001",
        "1.50",
        "10",
    )


GOOD: dict[str, object] = {
    "code": 1,
    "choice": "100%",
    "price": "0.10",
    "long": "9999999999999999.0000000002",
    "low": "9999999999999999.0000000001",
    "begun": "2026-03-30",
    "ended": "2026-03-31",
    "moment": "2026-03-31 10:00:00+00:00",
    "one": "Zoe",
    "other": "adam",
    "above": 1,
    "wet": False,
}


def insert(connection: sa.Connection, **changed: object) -> bool:
    """Whether a thing with these values is taken."""
    values = {name: value for name, value in (GOOD | changed).items() if value is not None}
    table = sa.table("thing", *(sa.column(name, sa.types.NullType()) for name in values))
    literals = {name: sa.literal_column(_literal(value)) for name, value in values.items()}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(literals))
    except sa.exc.DBAPIError:
        return False
    return True


def _literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).lower()


def test_a_good_record_is_taken_and_defaults_are_filled_in(connection: sa.Connection) -> None:
    create_missing(connection, CHECKED)
    assert insert(connection)
    assert connection.exec_driver_sql("SELECT made FROM thing").scalar() == "it's 5% :x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": None},
        {"code": 0},
        {"code": 10},
        {"choice": "100"},
        {"price": "0.09"},
        {"long": "9999999999999998"},
        {"ended": "2026-03-30"},
        {"moment": "2026-03-31 10:00:01+00:00"},
        {"one": "adam", "other": "Zoe"},
        {"above": 2},
        {"wet": True},
    ],
    ids=str,
)
def test_the_database_itself_refuses_what_the_catalog_forbids(
    connection: sa.Connection, wrong: dict[str, object]
) -> None:
    create_missing(connection, CHECKED)
    assert not insert(connection, **wrong)


@pytest.mark.parametrize("choice", ["100%", "it's", "a:b", "c\\d", None])
def test_choices_of_any_text_are_taken(connection: sa.Connection, choice: str | None) -> None:
    create_missing(connection, CHECKED)
    assert insert(connection, choice=choice)


def test_a_unique_field_is_unique(connection: sa.Connection) -> None:
    create_missing(connection, CHECKED)
    assert insert(connection)
    assert not insert(connection, code=2)
    assert insert(connection, code=2, one="Yan")


def test_an_id_is_never_given_twice(connection: sa.Connection) -> None:
    create_missing(connection, CIRCLE)
    for number in ("1", "2"):
        connection.exec_driver_sql(f"INSERT INTO team (code) VALUES ('{number}')")
    connection.exec_driver_sql("DELETE FROM team WHERE code = '2'")
    connection.exec_driver_sql("INSERT INTO team (code) VALUES ('3')")
    assert connection.exec_driver_sql("SELECT id FROM team ORDER BY id").scalars().all() == [1, 3]


def test_uuid_ids_are_made_by_the_database(connection: sa.Connection) -> None:
    import uuid

    create_missing(connection, SHAPES)
    connection.exec_driver_sql("INSERT INTO document (title) VALUES ('a'), ('b')")
    made = [str(value) for value in connection.exec_driver_sql("SELECT id FROM document").scalars()]
    assert len(set(made)) == 2
    assert [uuid.UUID(value).version for value in made] == [4, 4]
    assert [str(uuid.UUID(value)) for value in made] == made


def test_every_reference_has_an_index_unless_a_key_begins_with_it() -> None:
    found = {
        table.name: sorted(tuple(index.columns.keys()) for index in table.indexes)
        for table in (table_of(metadata(SAMPLE), entity) for entity in SAMPLE.entities)
    }
    assert found == {
        "organization": [("parent_id",)],
        "person": [("manager_id",), ("organization_id",)],
        "product": [("supplier_id",)],
        "customer_order": [("contact_id",), ("customer_id",)],
        "order_line": [("product_id",)],
    }


def test_what_is_missing_is_one_sentence(connection: sa.Connection) -> None:
    create_missing(connection, SAMPLE)
    connection.exec_driver_sql("DROP TABLE order_line")
    connection.exec_driver_sql("ALTER TABLE organization DROP COLUMN website")
    connection.exec_driver_sql("ALTER TABLE customer_order RENAME COLUMN note TO remark")
    with pytest.raises(CatalogError) as caught:
        check_fits(connection, SAMPLE)
    assert str(caught.value) == (
        f"{SAMPLE.file}: The database does not fit the catalog: it has no table order_line and no columns"
        " organization.website, customer_order.note. Correct the catalog, or create missing tables with init."
    )


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE organization ADD COLUMN more text",
        "ALTER TABLE organization RENAME COLUMN website TO site",
        "CREATE UNIQUE INDEX once ON organization (website)",
        "DROP TABLE order_line",
    ],
)
def test_the_fingerprint_moves_with_the_tables(connection: sa.Connection, change: str) -> None:
    create_missing(connection, SAMPLE)
    before = fingerprint(connection, SAMPLE)
    connection.exec_driver_sql(change)
    assert fingerprint(connection, SAMPLE) != before


def test_the_fingerprint_stays_with_records_indexes_and_other_tables(connection: sa.Connection) -> None:
    create_missing(connection, SAMPLE)
    before = fingerprint(connection, SAMPLE)
    connection.exec_driver_sql("INSERT INTO organization (code, name) VALUES ('A', 'a')")
    connection.exec_driver_sql("CREATE INDEX slow ON organization (website)")
    connection.exec_driver_sql("DROP INDEX ix_product_supplier_id")
    connection.exec_driver_sql("CREATE TABLE other (id integer PRIMARY KEY)")
    assert fingerprint(connection, SAMPLE) == before


def test_postgresql_fingerprints_types_references_and_not_null(postgresql_scratch: object, tmp_path: Path) -> None:
    with postgresql_scratch.empty(tmp_path) as url:  # type: ignore[attr-defined]
        database = sa.create_engine(url, poolclass=sa.NullPool)
        with database.connect() as connection:
            create_missing(connection, SAMPLE)
            seen = {fingerprint(connection, SAMPLE)}
            for change in (
                "ALTER COLUMN name TYPE varchar(121)",
                "ALTER COLUMN country SET NOT NULL",
                "ALTER COLUMN country SET DEFAULT 'GB'",
                "DROP CONSTRAINT fk_organization_parent_id",
                "DROP CONSTRAINT uq_organization_code",
            ):
                connection.exec_driver_sql(f"ALTER TABLE organization {change}")
                seen.add(fingerprint(connection, SAMPLE))
            assert len(seen) == 6


def test_a_schema_of_its_own_is_made_where_the_database_has_schemas(postgresql_scratch: object, tmp_path: Path) -> None:
    text = 'format = 1\n[entity.x]\nschema = "Own"\nkey = ["a"]\n[entity.x.fields]\na = { type = "text" }\n'
    catalog = parse_catalog(text, "")
    with postgresql_scratch.empty(tmp_path) as url:  # type: ignore[attr-defined]
        database = sa.create_engine(url, poolclass=sa.NullPool)
        with database.begin() as connection:
            with pytest.raises(CatalogError, match="no table x"):
                check_fits(connection, catalog)
            assert create_missing(connection, catalog) == ["x"]
            check_fits(connection, catalog)
        assert reflect(database, "Own")[0].entities == catalog.entities
        assert reflect(database)[0].entities == ()
