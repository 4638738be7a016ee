"""The order in which entities are stored, and the references that wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.model import Catalog, Entity, Field, Link, Reference, make_catalog
from engine.catalog.order import dependencies, dependency_order, late_references
from engine.errors import CatalogError


def catalog(**entities: list[str]) -> Catalog:
    """Each entity with the entities it refers to: ``b`` may be blank, ``b!`` may not, ``b*`` is in the key."""
    made = []
    for name, targets in entities.items():
        fields = [Field("code", "code", "text", required=True)]
        for target in targets:
            to = target.rstrip("!*")
            fields.append(Field(to, f"{to}_id", "reference", required=target != to, reference=Reference(to, "id")))
        key = ("code", *(target[:-1] for target in targets if target.endswith("*")))
        made.append(Entity(name, name, tuple(fields), key))
    return make_catalog("made", tuple(made))


def names(found: Catalog) -> str:
    return " ".join(entity.name for entity in dependency_order(found))


@pytest.mark.parametrize(
    ("entities", "order", "late"),
    [
        ({"a": ["b!"], "b": ["c!"], "c": []}, "c b a", set()),
        ({"a": ["b"], "b": ["c"], "c": []}, "c b a", set()),
        ({"c": [], "a": [], "b": []}, "c a b", set()),
        ({"a": ["a"]}, "a", {("a", "a")}),
        ({"a": ["b!"], "b": ["a"]}, "b a", {("b", "a")}),
        ({"a": ["b*"], "b": ["a"]}, "b a", {("b", "a")}),
        ({"a": ["b"], "b": ["a"]}, "b a", {("b", "a")}),
        ({"a": ["b"], "b": ["c!"], "c": ["a"]}, "c b a", {("c", "a")}),
        ({"a": ["c", "b!"], "b": ["b", "a"], "c": ["a!"]}, "b a c", {("a", "c"), ("b", "b"), ("b", "a")}),
    ],
)
def test_an_entity_comes_after_those_it_needs(entities: dict[str, list[str]], order: str, late: set[object]) -> None:
    found = catalog(**entities)
    assert (names(found), late_references(found)) == (order, late)


def test_a_circle_without_a_blank_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"^The records of a → c → a need each other"):
        dependency_order(catalog(a=["b", "c!"], b=["a!"], c=["a*"]))


def test_a_column_the_database_fills_in_cannot_wait() -> None:
    filled = Field("a", "a_id", "reference", filled=True, reference=Reference("a", "id"))
    entity = Entity("a", "a", (Field("code", "code", "text"), filled), ("code",))
    with pytest.raises(CatalogError, match="a → a"):
        dependency_order(make_catalog("", (entity,)))


def test_a_link_waits_by_its_first_field_that_may_be_blank() -> None:
    fields = (
        Field("tree", "tree", "text", required=True),
        Field("nr", "nr", "integer", required=True),
        Field("above", "above", "integer"),
    )
    link = Link("under", ("tree", "above"), "node", ("tree", "nr"))
    node = Entity("node", "node", fields, ("tree", "nr"), id=None, links=(link,))
    assert late_references(make_catalog("", (node,))) == {("node", "above")}


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), unique=True), min_size=6))
def test_whatever_is_not_late_is_stored_before(targets: dict[str, list[str]]) -> None:
    found = catalog(**targets)
    place = {entity.name: number for number, entity in enumerate(dependency_order(found))}
    late = late_references(found)
    for edge in dependencies(found):
        assert ((edge.entity, edge.slot) in late) or place[edge.target] < place[edge.entity]
