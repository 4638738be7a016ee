"""The storage folder: raw bytes by hash, and files that appear only when they are whole."""

from __future__ import annotations

import hashlib
import os

import pyarrow as pa
import pytest

from engine.errors import StorageError, UnreadableFileError
from engine.storage import Storage


@pytest.fixture
def storage(tmp_path):
    return Storage(str(tmp_path / "storage"), tmp_path / "cache")


def test_raw_bytes_are_kept_once_under_their_hash(storage, tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    kept = {storage.keep_raw(tmp_path / name) for name in ("one.csv", "two.csv")}
    assert kept == {(hashlib.sha256(b"a,b\n1,2\n").hexdigest(), 8)}
    assert storage.raw_file(kept.pop()[0]).read_bytes() == b"a,b\n1,2\n"
    assert sum(len(files) for _, _, files in os.walk(tmp_path / "storage")) == 1


def test_the_bytes_of_a_remote_storage_are_fetched(tmp_path):
    storage = Storage("memory://portage-test", tmp_path / "cache")
    (tmp_path / "one.csv").write_bytes(b"x")
    sha256, _ = storage.keep_raw(tmp_path / "one.csv")
    assert (storage.is_local, storage.raw_file(sha256).read_bytes()) == (False, b"x")


@pytest.mark.parametrize(
    ("name", "sentence"), [("missing.csv", "There is no file"), ("folder", "is a folder: name the files in it")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(storage, tmp_path, name, sentence):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableFileError, match=sentence):
        storage.keep_raw(tmp_path / name)


def test_a_file_appears_only_when_it_is_whole(storage):
    path = storage.path("b1", "rows.parquet")
    schema = pa.schema([("a", pa.int64())])
    with pytest.raises(RuntimeError), storage.parquet_writer(path, schema) as writer:
        writer.write(pa.table({"a": [1]}))
        raise RuntimeError
    assert not storage.exists(path)
    assert storage.fs.ls(storage.path("b1")) == []

    with storage.parquet_writer(path, schema) as writer:
        writer.write(pa.table({"a": [1, 2]}))
        writer.write(pa.table({"a": [3]}))
        assert not storage.exists(path)
    with storage.parquet(path) as file:
        assert (file.num_row_groups, file.read()["a"].to_pylist()) == (2, [1, 2, 3])


def test_json_is_read_back_and_a_missing_file_is_none(storage):
    path = storage.path("b1", "said.json")
    assert storage.read_json(path) is None
    storage.write_json(path, {"name": "Åkerlund", "rows": [1, None]})
    assert storage.read_json(path) == {"name": "Åkerlund", "rows": [1, None]}
    storage.remove(storage.path("b1"))
    storage.remove(storage.path("b1"))
    assert storage.read_json(path) is None


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    storage = Storage(str(tmp_path / "file" / "storage"), tmp_path / "cache")
    with pytest.raises(StorageError) as failed:
        storage.write_json(storage.path("b1", "said.json"), {})
    assert "\n" not in str(failed.value)


def test_an_unknown_kind_of_storage_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match="cannot be opened"):
        Storage("nowhere://x", tmp_path)
