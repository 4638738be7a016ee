"""Names are quoted and texts escaped wherever SQL is made of them, on both databases."""

from __future__ import annotations

import json

import pytest

from engine.model import Counts, ImportOptions


@pytest.fixture
def odd_desk(scratch, home):
    with scratch.desk("odd_names", home=home) as made:
        yield made


def test_odd_names_go_the_whole_way(odd_desk):
    odd_desk.load(
        thing='code,other name,whole,also,f44\n100%,"it\'s ""x"" %s",B,50%; ;,:p\nB,:b,,,?\n',
        part="thing,Group\n50%,1\nB,2\n",
    )
    assert odd_desk.records("thing", "code", "other name", "whole", "also", "f44") == [
        ("100%", 'it\'s "x" %s', "B", '["50%"]', ":p"),
        ("B", ":b", None, None, "?"),
    ]
    done = odd_desk.run(
        ImportOptions(policy="version", nulls=("%",)),
        thing="code,other name,whole,f44\nB,$1,100%,%\n",
        part="thing,Group\nB,2\n100%,3\n",
    )
    assert done.entities == {"thing": Counts(1, version=1), "part": Counts(2, insert=1, unchanged=1)}
    assert [change[2:6] for change in odd_desk.changes() if change[3]] == [
        ("version", "other name", ":b", "$1"),
        ("version", "whole", None, "100%"),
        ("version", "f44", "?", None),
    ]


def test_a_version_of_many_fields_is_one_whole_state(odd_desk):
    odd_desk.load(thing='code,other name,f0,f43\nA,"}{""\\",{,}\n')
    odd_desk.run(ImportOptions(policy="version"), thing="code,f0\nA,new\n")
    ((_, _, number, text),) = odd_desk.versions()
    state = json.loads(text)
    names = [item.name for item in odd_desk.service.catalog.entity("thing").fields]
    assert (number, sorted(state)) == (1, sorted(names))
    assert {name: value for name, value in state.items() if value is not None} == {
        "code": "A", "other name": '}{"\\', "f0": "{", "f43": "}",
    }  # fmt: skip
