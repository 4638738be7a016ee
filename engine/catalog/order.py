"""In which order entities are stored, and which references can only be linked once all records are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

from engine.catalog.model import Catalog, Entity
from engine.errors import CatalogError


@dataclass(frozen=True, slots=True)
class Dependency:
    """``entity`` needs ``target`` through ``slot``, the name of a reference or link.

    ``field`` is the one that may stay NULL until the record it leads to is there, or None where
    none may: such a dependency is *firm*. ``path`` is the place of the slot in a catalog file.
    """

    entity: str
    target: str
    slot: str
    field: str | None
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Entities that need each other before any of them can be stored, with the dependency it starts with."""

    names: tuple[str, ...]
    dependency: Dependency

    @property
    def sentence(self) -> str:
        """What is wrong, and how to mend it."""
        around = " → ".join(self.names)
        return (
            f"the records of {around} need each other, so none can be stored first: let one of these references be "
            f"left blank (neither required nor in the key), "
            f"such as {self.dependency.slot!r} of {self.dependency.entity!r}."
        )


def dependencies(catalog: Catalog) -> Iterator[Dependency]:
    """Every reference and link, by entity and field as they were written."""
    for entity in catalog.entities:
        path = ("entity", entity.name)
        for item in entity.references:
            assert item.reference is not None
            loose = item.name if _may_wait(entity, item.name) else None
            yield Dependency(entity.name, item.reference.to, item.name, loose, (*path, "fields", item.name))
        for number, link in enumerate(entity.links):
            loose = next((name for name in link.fields if _may_wait(entity, name)), None)
            yield Dependency(entity.name, link.to, link.name, loose, (*path, "links", number))


def _may_wait(entity: Entity, name: str) -> bool:
    return name not in entity.key and entity.field(name).nullable


def find_cycle(catalog: Catalog) -> Cycle | None:
    """The first circle of firm dependencies, or None."""
    firm = [found for found in dependencies(catalog) if found.field is None]
    for start in firm:
        way = _way(firm, start.target, start.entity)
        if way is not None:
            return Cycle((start.entity, *way), start)
    return None


def _way(edges: list[Dependency], start: str, end: str) -> tuple[str, ...] | None:
    """The shortest way from ``start`` to ``end`` along the dependencies, both named; None where there is none."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    for here in waiting:
        if here == end:
            return ways[here]
        for edge in edges:
            if edge.entity == here and edge.target not in ways:
                ways[edge.target] = (*ways[here], edge.target)
                waiting.append(edge.target)
    return None


def _kept_and_late(catalog: Catalog) -> tuple[list[Dependency], list[Dependency]]:
    """The dependencies the order keeps, firm ones first, and those that must wait lest they close a circle."""
    found = sorted(dependencies(catalog), key=lambda dependency: dependency.field is not None)
    kept: list[Dependency] = []
    late: list[Dependency] = []
    for edge in found:
        waits = edge.field is not None and _way(kept, edge.target, edge.entity) is not None
        (late if waits else kept).append(edge)
    return kept, late


def dependency_order(catalog: Catalog) -> list[Entity]:
    """The entities, each after those it needs, and after those it may name as far as circles allow.

    Entities that do not need each other stay in the catalog's order. CatalogError names a circle
    in which nothing may be left blank.
    """
    cycle = find_cycle(catalog)
    if cycle is not None:
        raise CatalogError(cycle.sentence[0].upper() + cycle.sentence[1:], file=catalog.file)
    sorter: TopologicalSorter[str] = TopologicalSorter({entity.name: set() for entity in catalog.entities})
    for edge in _kept_and_late(catalog)[0]:
        sorter.add(edge.entity, edge.target)
    sorter.prepare()
    place = {entity.name: number for number, entity in enumerate(catalog.entities)}
    order: list[Entity] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        order.extend(catalog.entity(name) for name in ready)
        sorter.done(*ready)
    return order


def late_references(catalog: Catalog) -> set[tuple[str, str]]:
    """The (entity, field) that are stored as NULL at first and linked when every record is there.

    They are the references of an entity to itself and those whose circle must be broken. Where it is
    a link, the first of its fields that may be NULL stands for it.
    """
    return {(edge.entity, edge.field) for edge in _kept_and_late(catalog)[1] if edge.field is not None}
