"""Several files of one entity in one batch: each is held to what it has itself."""

from __future__ import annotations

from engine.model import ImportOptions
from tests.conftest import Desk


def test_a_new_record_needs_the_columns_of_its_own_file(sample_desk: Desk) -> None:
    """The prices update what is stored, but cannot bring a new product: they have no name for it."""
    prices = sample_desk.file("prices.csv", "sku,Price\nNEW-1,5.00\n00417,9.99\n", "product")
    whole = sample_desk.file("product.csv", "sku,name,category,unit_price\nNEW-2,Rake,garden,7.00\n", "product")
    result = sample_desk.service.run_import([prices, whole])
    assert (result.status, result.issues.by_code) == ("refused", {"value.missing": 2})
    assert sample_desk.problems(result.batch) == [(2, "category", "value.missing"), (2, "name", "value.missing")]


def test_rows_without_a_key_column_are_never_written(sample_desk: Desk) -> None:
    """Even a partial commit leaves out the file that cannot say which records it means."""
    nameless = sample_desk.file("nameless.csv", "name,category,unit_price\nRake,garden,7.00\n", "product")
    whole = sample_desk.file("product.csv", "sku,name,category,unit_price\nNEW-2,Rake,garden,7.00\n", "product")
    result = sample_desk.service.run_import([nameless, whole], ImportOptions(partial=True))
    counts = result.entities["product"]
    assert (result.status, counts.insert, counts.reject) == ("committed", 1, 1)
    assert "column.missing" in result.issues.by_code


def test_two_files_of_one_name_are_told_apart(sample_desk: Desk) -> None:
    """Issues name their place by the file."""
    first = sample_desk.file("product.csv", "sku,Price\n00417,cheap\n", "product")
    text = "sku,Price\n00418,dear\n"
    second = (sample_desk.file("other.csv", text)[0], "product.csv", "product")
    batch = sample_desk.service.open_batch([first, second])
    sample_desk.service.check(batch.id)
    assert [source.name for source in batch.sources] == ["product.csv", "product (2).csv"]
    found = [(issue.source, issue.code) for issue in sample_desk.issues(batch.id) if issue.field == "unit_price"]
    assert found == [("product.csv", "value.type"), ("product (2).csv", "value.type")]
