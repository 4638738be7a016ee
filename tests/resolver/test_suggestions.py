"""What an unknown text may have meant."""

from __future__ import annotations

from engine.resolver.suggestions import suggest

NAMES = [("HEDGEROW", "HEDGEROW"), ("Hedgerow Estates", "HEDGEROW"), ("HEDGE", "HEDGE"), ("FOXGLOVE", "FOXGLOVE")]


def test_the_nearest_names_come_first_each_record_once():
    assert [str(near) for near in suggest(["hedgerowe"], NAMES)["hedgerowe"]] == ["HEDGEROW (94 %)", "HEDGE (71 %)"]


def test_a_name_is_shown_beside_its_key():
    assert [str(near) for near in suggest(["Hedgerow Estate"], NAMES, limit=1)["Hedgerow Estate"]] == [
        "HEDGEROW (Hedgerow Estates, 97 %)"
    ]


def test_what_is_like_nothing_gets_no_proposal():
    assert suggest(["zzzz", "417"], NAMES) == {"zzzz": [], "417": []}
