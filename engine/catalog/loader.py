"""A catalog file -> Catalog, or a CatalogError that names every wrong word and its line.

Reading has three stages, each only begun when the one before found nothing wrong: the words of each
entity, what the entities say of each other (:mod:`engine.catalog.soundness`), and their order.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.catalog.model import Catalog, Entity, Field, Link, Reference, Rule, make_catalog
from engine.catalog.order import find_cycle
from engine.catalog.problems import Problems
from engine.catalog.rule_text import parse_check
from engine.catalog.soundness import check_between, check_entity
from engine.catalog.toml_lines import Path as Place
from engine.catalog.toml_lines import find_lines
from engine.catalog.values import as_text
from engine.catalog.words import CATALOG, ENTITY, FIELD, FORMAT, KINDS, LINK, RULE, Word, fits, nearest
from engine.errors import CatalogError

_DECIMAL = re.compile(r"decimal\s*\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)")

_PLAIN = ("required", "unique", "length", "pattern", "label", "description", "sensitive", "filled")
"""Words of a field that mean in the file what they mean in the catalog."""


def load_catalog(path: Path) -> Catalog:
    """The catalog written in ``path``; CatalogError names the file and the line of whatever is wrong."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise CatalogError("There is no such catalog file.", file=str(path)) from None
    except OSError as error:
        raise CatalogError(f"The catalog cannot be read: {error.strerror}.", file=str(path)) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CatalogError("The catalog is not UTF-8 text: save it as UTF-8.", file=str(path), line=line) from None
    return parse_catalog(text, str(path))


def parse_catalog(text: str, file: str) -> Catalog:
    """The catalog that ``text`` says; ``file`` is only for its errors."""
    document = _read_toml(text, file)
    problems = Problems(file, find_lines(text))
    entities = _read_document(document, problems)
    problems.refuse()
    for entity in entities:
        check_entity(entity, problems)
    catalog = _settle(make_catalog(document.get("name", ""), tuple(entities), file), problems)
    problems.refuse()
    check_between(catalog, problems)
    problems.refuse()
    _refuse_cycle(catalog, problems)
    return catalog


def _read_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        number = re.match(r"line ([0-9]+)", place)
        line = int(number[1]) if number else text.count("\n") + 1
        raise CatalogError(f"The file is not sound TOML: {reason}.", file=file, line=line) from None


def _read_document(document: dict[str, Any], problems: Problems) -> list[Entity]:
    if not _check_words("the catalog", document, CATALOG, (), problems):
        return []
    if document["format"] != FORMAT:
        problems.add(("format",), f"format {document['format']!r} is not known; write format = {FORMAT}.")
    drafts = [_read_entity(name, said, problems) for name, said in document["entity"].items()]
    return [draft for draft in drafts if draft is not None]


def _read_entity(name: str, said: Any, problems: Problems) -> Entity | None:
    path: Place = ("entity", name)
    if not isinstance(said, dict):
        problems.add(path, f"entity {name!r} must be a table.")
        return None
    sound = _check_words(f"entity {name!r}", said, ENTITY, path, problems)
    fields = _read_each(said.get("fields"), (*path, "fields"), _read_field, problems)
    links = _read_numbered(said.get("links"), (*path, "links"), _read_link, problems)
    names = {found.name for found in fields}
    rules = _read_numbered(said.get("rules"), (*path, "rules"), partial(_read_rule, names), problems)
    if not sound or len(fields) < len(said["fields"]):
        return None
    key = tuple(said["key"])
    return Entity(
        name=name,
        table=said.get("table", name),
        fields=tuple(replace(found, required=True) if found.name in key else found for found in fields),
        key=key,
        schema=said.get("schema"),
        id=said.get("id", "id") or None,
        id_kind=said.get("id_kind", "integer"),
        label=said.get("label", ""),
        display=said.get("display"),
        aliases=said.get("aliases"),
        policy=said.get("policy", "update"),
        uniques=tuple(tuple(names) for names in said.get("uniques", ())),
        links=tuple(links),
        rules=tuple(rules),
        sensitive=said.get("sensitive", False),
    )


def _read_each(said: Any, path: Place, read: Any, problems: Problems) -> list[Any]:
    drafts = (
        [read((*path, name), name, entry, problems) for name, entry in said.items()] if isinstance(said, dict) else []
    )
    return [draft for draft in drafts if draft is not None]


def _read_numbered(said: Any, path: Place, read: Any, problems: Problems) -> list[Any]:
    return _read_each(dict(enumerate(said)) if isinstance(said, list) else None, path, read, problems)


def _read_field(path: Place, name: str, said: Any, problems: Problems) -> Field | None:
    if not isinstance(said, dict):
        problems.add(path, f'field {name!r} must be a table, such as {{ type = "text" }}.')
        return None
    if not _check_words(f"field {name!r}", said, FIELD, path, problems):
        return None
    kind, precision, scale = _read_type(said["type"])
    if kind not in KINDS:
        problems.add(
            (*path, "type"), f"{kind!r} is not a type.{nearest(kind, KINDS)} The types are {', '.join(KINDS)}."
        )
        return None
    for word in FIELD:
        if word.name in said and word.kinds and kind not in word.kinds:
            problems.add((*path, word.name), f"field {name!r} is of type {kind}, which has no {word.name}.")
            return None
    if kind == "reference" and "to" not in said:
        problems.add(path, f'field {name!r} is a reference and must say to which entity: to = "...".')
        return None
    plain: dict[str, Any] = {word: said[word] for word in _PLAIN if word in said}
    plain |= {word: as_text(said[word]) for word in ("minimum", "maximum", "default", "example") if word in said}
    return Field(
        name=name,
        column=said.get("column", "" if kind == "reference" else name),
        kind=kind,
        precision=precision,
        scale=scale,
        choices=tuple(as_text(choice) for choice in said.get("choices", ())),
        headings=tuple(said.get("headings", ())),
        reference=_read_reference(said) if kind == "reference" else None,
        **plain,
    )


def _read_type(text: str) -> tuple[Any, int | None, int | None]:
    match = _DECIMAL.fullmatch(text.strip())
    return ("decimal", int(match[1]), int(match[2] or 0)) if match else (text, None, None)


def _read_reference(said: dict[str, Any]) -> Reference:
    by = said.get("by")
    reference = Reference(said["to"], said.get("target_column", ""), acyclic=said.get("acyclic", False))
    return replace(reference, by=tuple(by)) if by else reference


def _read_link(path: Place, _: int, said: dict[str, Any], problems: Problems) -> Link | None:
    if not _check_words("the link", said, LINK, path, problems):
        return None
    return Link(said["name"], tuple(said["fields"]), said["to"], tuple(said.get("target_fields", ())))


def _read_rule(fields: set[str], path: Place, _: int, said: dict[str, Any], problems: Problems) -> Rule | None:
    if not _check_words("the rule", said, RULE, path, problems):
        return None
    try:
        left, operator, right, right_is_field = parse_check(said["check"], fields)
    except ValueError as error:
        problems.add((*path, "check"), f"rule {said['name']!r}: {error}.")
        return None
    message = said.get("message") or f"It must hold that {said['check']}."
    return Rule(said["name"], left, operator, right, right_is_field, message)  # type: ignore[arg-type]


def _check_words(what: str, said: dict[str, Any], words: tuple[Word, ...], path: Place, problems: Problems) -> bool:
    """Whether every word is known, has its shape, and none is missing."""
    before = len(problems.found)
    known = {word.name: word for word in words}
    for name, value in said.items():
        if name not in known:
            problems.add((*path, name), f"{what} has the unknown word {name!r}.{nearest(name, known)}")
        elif not fits(known[name], value):
            problems.add((*path, name), f"{name} of {what} must be {known[name].shape}.")
        else:
            _check_one_of(what, known[name], value, (*path, name), problems)
    for word in words:
        if word.required and word.name not in said:
            problems.add(path, f"{what} lacks the word {word.name!r}.")
    return len(problems.found) == before


def _check_one_of(what: str, word: Word, value: Any, path: Place, problems: Problems) -> None:
    for item in value if isinstance(value, list) else [value]:
        if word.one_of and item not in word.one_of:
            hint = nearest(item, word.one_of)
            problems.add(path, f"{word.name} of {what} is {item!r}, and must be of: {', '.join(word.one_of)}.{hint}")


def _settle(catalog: Catalog, problems: Problems) -> Catalog:
    """The catalog with what its references and links leave unsaid filled in."""
    named = _each_field(catalog, lambda _, item: _settle_column(catalog, item))
    settled = _each_field(named, lambda entity, item: _settle_reference(named, entity, item, problems))
    entities = tuple(
        replace(entity, links=tuple(_settle_link(settled, entity, link, problems) for link in entity.links))
        for entity in settled.entities
    )
    return make_catalog(catalog.name, entities, catalog.file)


def _each_field(catalog: Catalog, change: Callable[[Entity, Field], Field]) -> Catalog:
    entities = tuple(
        replace(entity, fields=tuple(change(entity, item) for item in entity.fields)) for entity in catalog.entities
    )
    return make_catalog(catalog.name, entities, catalog.file)


def _settle_column(catalog: Catalog, item: Field) -> Field:
    if item.reference is None or item.column:
        return item
    has_id = item.reference.to in catalog and catalog.entity(item.reference.to).id is not None
    return replace(item, column=f"{item.name}_id" if has_id else item.name)


def _settle_reference(catalog: Catalog, entity: Entity, item: Field, problems: Problems) -> Field:
    if item.reference is None:
        return item
    path: Place = ("entity", entity.name, "fields", item.name, "to")
    target = _find_target(catalog, item.reference.to, f"field {item.name!r}", path, problems)
    if target is None or item.reference.column:
        return item
    if target.id is None and len(target.key) > 1:
        problems.add(
            path,
            f"field {item.name!r} refers to {target.name!r}, which has no id and a key of {len(target.key)} fields: "
            f"write a link over fields of those values instead, [[entity.{entity.name}.links]].",
        )
        return item
    column = target.id or next((found.column for found in target.fields if found.name == target.key[0]), "")
    return replace(item, reference=replace(item.reference, column=column))


def _settle_link(catalog: Catalog, entity: Entity, link: Link, problems: Problems) -> Link:
    path: Place = ("entity", entity.name, "links", entity.links.index(link), "to")
    target = _find_target(catalog, link.to, f"link {link.name!r}", path, problems)
    return replace(link, target_fields=link.target_fields or target.key) if target else link


def _find_target(catalog: Catalog, name: str, what: str, path: Place, problems: Problems) -> Entity | None:
    if name in catalog:
        return catalog.entity(name)
    hint = nearest(name, [entity.name for entity in catalog.entities])
    problems.add(path, f"{what} refers to the unknown entity {name!r}.{hint}")
    return None


def _refuse_cycle(catalog: Catalog, problems: Problems) -> None:
    cycle = find_cycle(catalog)
    if cycle is not None:
        problems.add(cycle.dependency.path, cycle.sentence)
        problems.refuse()
