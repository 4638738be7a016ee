"""What Portage is measured against: the database's own loaders, a bare loop, and what people use instead.

Each is one process, so that neither memory nor imports mix. The constrained ones write into a copy of the
database Portage itself starts from: the same tables, checks, references and indexes, with organizations
and products stored. ``python baselines.py NAME URL FILE`` runs those that need Python.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

State = Literal["new", "empty", "ready", "loaded"]
"""No tables; Portage's tables; organizations and products stored; orders stored too."""

TABLE = "customer_order"
COLUMNS = (
    "order_no", "customer_id", "product_id", "ordered_on", "shipped_on", "status", "quantity", "unit_price", "note",
)  # fmt: skip
SAMPLED_ROWS = 5_000
SAME_CACHE_KB = 65_536
APP = "import_export"
"""The installed Django application the models are said to be of, since a script is none."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """``sampled`` ones load SAMPLED_ROWS rows only, tell their own seconds, and are scaled up linearly."""

    name: str
    does: str
    state: State
    command: Callable[[str, Path], list[str]]
    sampled: bool = False


def _python(name: str) -> Callable[[str, Path], list[str]]:
    return lambda url, folder: [sys.executable, str(Path(__file__)), name, url, str(folder / "order.csv")]


def _sqlite_import(url: str, folder: Path) -> list[str]:
    return ["sqlite3", "-csv", _file(url), f".import '{folder / 'order.csv'}' bare"]


def _sqlite_utils(url: str, folder: Path) -> list[str]:
    program = str(Path(sys.executable).with_name("sqlite-utils"))
    return [program, "insert", _file(url), "bare", str(folder / "order.csv"), "--csv", "--pk", "order_no", "--silent"]


def _flat_copy(url: str, folder: Path) -> list[str]:
    columns = ", ".join(f"{name} text" for name in COLUMNS)
    copy = f"\\copy bare FROM '{folder / 'order.csv'}' CSV HEADER"
    return [*_psql(url), "-c", f"CREATE TABLE bare ({columns})", "-c", copy]


def _constrained_copy(url: str, folder: Path) -> list[str]:
    copy = f"\\copy {TABLE} ({', '.join(COLUMNS)}) FROM '{folder / 'order_ids.csv'}' CSV HEADER"
    return [*_psql(url), "-c", copy]


def _psql(url: str) -> list[str]:
    return ["psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", url.replace("+psycopg", "", 1)]


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")


ALTERNATIVES = (
    Baseline("pandas", "read_csv, references mapped, to_sql into the same tables", "ready", _python("pandas")),
    Baseline("django", "django-import-export as it comes", "ready", _python("django"), sampled=True),
    Baseline("django-bulk", "django-import-export, use_bulk, cached references", "ready", _python("django-bulk"), True),
)
BASELINES: dict[str, tuple[Baseline, ...]] = {
    "sqlite": (
        Baseline("import", "sqlite3 .import into a bare table", "new", _sqlite_import),
        Baseline("executemany", "bare executemany into the same tables", "ready", _python("executemany")),
        Baseline("sqlite-utils", "sqlite-utils insert into a table of its own, nothing checked", "new", _sqlite_utils),
        *ALTERNATIVES,
    ),
    "postgresql": (
        Baseline("flat-copy", "\\copy into a bare text table", "new", _flat_copy),
        Baseline("constrained-copy", "\\copy of resolved ids into the same tables", "ready", _constrained_copy),
        *ALTERNATIVES,
    ),
}


def load_with_executemany(url: str, file: Path) -> None:
    """The orders are stored by one ``executemany`` in one transaction, with the cache Portage allows itself."""
    with closing(sqlite3.connect(_file(url), isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{SAME_CACHE_KB}")
        customers = dict(connection.execute("SELECT code, id FROM organization").fetchall())
        products = dict(connection.execute("SELECT sku, id FROM product").fetchall())
        marks = ", ".join("?" * len(COLUMNS))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({marks})", _values(file, customers, products)
        )
        connection.execute("COMMIT")


def write_order_ids(url: str, folder: Path) -> None:
    """``order_ids.csv`` is ``order.csv`` with the ids of the stored organizations and products in it."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        customers: dict[str, int] = dict(connection.execute("SELECT code, id FROM organization").fetchall())
        products: dict[str, int] = dict(connection.execute("SELECT sku, id FROM product").fetchall())
    with (folder / "order_ids.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_values(folder / "order.csv", customers, products))


def _values(file: Path, customers: dict[str, int], products: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    with file.open(newline="", encoding="utf-8") as lines:
        rows = csv.reader(lines)
        next(rows)
        for order_no, customer, product, ordered, shipped, status, quantity, price, note in rows:
            yield (
                order_no, customers[customer], products[product], ordered, shipped or None, status, int(quantity),
                float(price), note or None,
            )  # fmt: skip


def load_with_pandas(url: str, file: Path) -> None:
    """The orders are stored as a careful user of pandas would: text read as text, references mapped, one append."""
    import pandas as pd
    import sqlalchemy as sa

    database = sa.create_engine(url)
    orders = pd.read_csv(file, dtype={"order_no": str, "customer": str, "product": str})
    with database.begin() as connection:
        customers = pd.read_sql("SELECT code, id FROM organization", connection).set_index("code")["id"]
        products = pd.read_sql("SELECT sku, id FROM product", connection).set_index("sku")["id"]
        orders["customer_id"] = orders.pop("customer").map(customers)
        orders["product_id"] = orders.pop("product").map(products)
        for column in ("ordered_on", "shipped_on"):
            orders[column] = pd.to_datetime(orders[column]).dt.date
        orders.to_sql(TABLE, connection, if_exists="append", index=False, chunksize=50_000)


def load_with_django(url: str, file: Path, *, bulk: bool) -> float:
    """SAMPLED_ROWS orders are stored through a ModelResource; answers the seconds without Django's start."""
    resource = _resource(url, bulk)
    import tablib

    with file.open(newline="", encoding="utf-8") as lines:
        rows = csv.reader(lines)
        header = next(rows)
        data = tablib.Dataset(*islice(rows, SAMPLED_ROWS), headers=header)
    start = time.perf_counter()
    result = resource.import_data(data, dry_run=False, raise_errors=True, use_transactions=True)
    seconds = time.perf_counter() - start
    assert result.total_rows == SAMPLED_ROWS, result.total_rows
    return seconds


def _resource(url: str, bulk: bool) -> Any:
    """A resource over the tables Portage made, naming references by code as the file does."""
    import django
    import sqlalchemy as sa
    from django.conf import settings

    place = sa.make_url(url)
    sqlite = place.get_backend_name() == "sqlite"
    database = {
        "ENGINE": "django.db.backends.sqlite3" if sqlite else "django.db.backends.postgresql",
        "NAME": place.database,
        "HOST": place.host or "",
        "PORT": place.port or "",
        "USER": place.username or "",
        "PASSWORD": place.password or "",
    }
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["import_export"], USE_TZ=True)
    django.setup()

    from django.db import models
    from import_export import fields, resources, widgets

    class Organization(models.Model):
        code = models.CharField(max_length=20, unique=True)

        class Meta:
            app_label, db_table, managed = APP, "organization", False

    class Product(models.Model):
        sku = models.CharField(max_length=30, unique=True)

        class Meta:
            app_label, db_table, managed = APP, "product", False

    class Order(models.Model):
        order_no = models.CharField(max_length=20, unique=True)
        customer = models.ForeignKey(Organization, models.PROTECT)
        product = models.ForeignKey(Product, models.PROTECT)
        ordered_on = models.DateField()
        shipped_on = models.DateField(null=True)
        status = models.CharField(max_length=20)
        quantity = models.IntegerField()
        unit_price = models.DecimalField(max_digits=12, decimal_places=2)
        note = models.CharField(max_length=500, null=True)

        class Meta:
            app_label, db_table, managed = APP, TABLE, False

    widget = widgets.CachedForeignKeyWidget if bulk else widgets.ForeignKeyWidget

    class OrderResource(resources.ModelResource):
        customer = fields.Field(column_name="customer", attribute="customer", widget=widget(Organization, "code"))
        product = fields.Field(column_name="product", attribute="product", widget=widget(Product, "sku"))

        class Meta:
            model, import_id_fields, use_bulk = Order, ("order_no",), bulk

    return OrderResource()


def main(name: str, url: str, file: str) -> None:
    """The baseline has run; a sampled one has printed its seconds as JSON."""
    if name == "executemany":
        load_with_executemany(url, Path(file))
    elif name == "pandas":
        load_with_pandas(url, Path(file))
    else:
        print(json.dumps({"seconds": load_with_django(url, Path(file), bulk=name == "django-bulk")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
