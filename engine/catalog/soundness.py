"""Whether entities say sound things: of their own fields, and of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import re2

from engine.catalog.model import Catalog, Entity, Field, Kind, Link, Rule, stored
from engine.catalog.problems import Problems
from engine.catalog.toml_lines import Path
from engine.catalog.values import parse
from engine.catalog.words import nearest

_NUMBERS: tuple[Kind, ...] = ("integer", "decimal", "float")
_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_entity(entity: Entity, problems: Problems) -> None:
    """Note what is wrong within one entity."""
    path: Path = ("entity", entity.name)
    _check_names(entity, path, problems)
    _check_columns(entity, path, problems)
    _check_headings(entity, path, problems)
    for item in entity.fields:
        for word, message in _wrong_in(item):
            problems.add((*path, "fields", item.name, word), f"field {item.name!r}: {message}.")
    for number, rule in enumerate(entity.rules):
        _check_rule(entity, rule, (*path, "rules", number), problems)
    for word, names in (("links", [x.name for x in entity.links]), ("rules", [x.name for x in entity.rules])):
        for number, name in enumerate(names):
            if name in names[:number]:
                problems.add((*path, word, number, "name"), f"{entity.name!r} has two {word} of the name {name!r}.")


def _check_names(entity: Entity, path: Path, problems: Problems) -> None:
    """Every field an entity names is one of its fields, and of a fitting kind."""
    named = [("key", name) for name in entity.key]
    named += [(word, name) for word in ("display", "aliases") if (name := getattr(entity, word))]
    named += [("uniques", name) for names in entity.uniques for name in names]
    fields = {item.name: item for item in entity.fields}
    for word, name in named:
        if name not in fields:
            problems.add(
                (*path, word), f"{word} of {entity.name!r} names the unknown field {name!r}.{nearest(name, fields)}"
            )
        elif word == "aliases" and fields[name].kind != "list":
            problems.add((*path, word), f"aliases of {entity.name!r} must name a field of type list.")
        elif word != "aliases" and fields[name].kind in ("json", "list"):
            problems.add(
                (*path, word), f"{word} of {entity.name!r} names {name!r}, which is of type {fields[name].kind}."
            )
    for number, link in enumerate(entity.links):
        for name in link.fields:
            if name not in fields:
                hint = nearest(name, fields)
                problems.add(
                    (*path, "links", number, "fields"), f"link {link.name!r} names the unknown field {name!r}.{hint}"
                )
    for word, sets in (("key", (entity.key,)), ("uniques", entity.uniques)):
        for names in sets:
            if len(set(names)) < len(names):
                problems.add((*path, word), f"{word} of {entity.name!r} names a field twice.")
    if any(len(names) == 1 for names in entity.uniques):
        problems.add((*path, "uniques"), "a single field is made unique by unique = true on the field itself.")


def _check_columns(entity: Entity, path: Path, problems: Problems) -> None:
    holders: dict[str, str] = {entity.id: "the id"} if entity.id else {}
    for item in entity.fields:
        column = item.column
        if column and column in holders:
            problems.add(
                (*path, "fields", item.name), f"field {item.name!r} has the column {column!r} of {holders[column]}."
            )
        holders.setdefault(column, f"field {item.name!r}")


def _check_headings(entity: Entity, path: Path, problems: Problems) -> None:
    """No heading may mean two fields."""
    names = {_plain(item.name): item.name for item in entity.fields}
    holders: dict[str, str] = {}
    for item in entity.fields:
        for heading in item.headings:
            plain = _plain(heading)
            other = holders.get(plain) or names.get(plain, item.name)
            if other != item.name:
                problems.add(
                    (*path, "fields", item.name, "headings"),
                    f"heading {heading!r} of field {item.name!r} stands for field {other!r} already.",
                )
            holders.setdefault(plain, item.name)


def _plain(heading: str) -> str:
    return "".join(letter for letter in heading.casefold() if letter.isalnum()) or heading


def _wrong_in(item: Field) -> Iterator[tuple[str, str]]:
    """The word and the message of everything wrong with the values a field states."""
    if item.precision is not None and not 0 <= (item.scale or 0) <= item.precision <= 1000:
        yield "type", f"decimal({item.precision},{item.scale}) must have 0 to {item.precision} digits after the point"
        return
    wrong_pattern = _wrong_pattern(item.pattern) if item.pattern else None
    if wrong_pattern:
        yield "pattern", f"the pattern is not one RE2 understands: {wrong_pattern}"
    values: dict[str, Any] = {}
    stated = [(word, getattr(item, word)) for word in ("minimum", "maximum", "default")]
    for word, text in [*stated, *(("choices", choice) for choice in item.choices)]:
        if text is None:
            continue
        try:
            values[word] = parse(item, text)
        except ValueError as error:
            yield word, f"{word} {text!r} is not {error}"
    if "minimum" in values and "maximum" in values and values["minimum"] > values["maximum"]:
        yield "minimum", f"minimum {item.minimum} is greater than maximum {item.maximum}"
    if len(set(item.choices)) < len(item.choices):
        yield "choices", "a choice stands twice"
    if "default" in values and not wrong_pattern:
        yield from (("default", message) for message in _wrong_default(item, values))


def _wrong_default(item: Field, values: dict[str, Any]) -> Iterator[str]:
    text, value = str(item.default), values["default"]
    if item.choices and text not in item.choices:
        yield f"default {text!r} is not one of the choices"
    if "minimum" in values and value < values["minimum"]:
        yield f"default {text} is below the minimum {item.minimum}"
    if "maximum" in values and value > values["maximum"]:
        yield f"default {text} is above the maximum {item.maximum}"
    if item.length is not None and len(text) > item.length:
        yield f"default {text!r} is longer than {item.length} characters"
    if item.pattern is not None and not re2.search(item.pattern, text):
        yield f"default {text!r} does not have the form {item.pattern}"


def _wrong_pattern(pattern: str) -> str | None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it does not compile"
        return reason.decode() if isinstance(reason, bytes) else str(reason)
    return None


def _check_rule(entity: Entity, rule: Rule, path: Path, problems: Problems) -> None:
    left = entity.field(rule.left)
    if not _NAME.fullmatch(rule.name):
        problems.add((*path, "name"), f"rule {rule.name!r}: the name may hold only letters, digits and _.")
    if left.kind in ("json", "list", "reference"):
        problems.add(
            (*path, "check"), f"rule {rule.name!r}: {rule.left!r} is of type {left.kind}, which is not compared."
        )
    elif rule.right_is_field:
        right = entity.field(rule.right)
        if right.kind != left.kind and not {left.kind, right.kind} <= set(_NUMBERS):
            kinds = f"{rule.left!r} is of type {left.kind} and {rule.right!r} of type {right.kind}"
            problems.add((*path, "check"), f"rule {rule.name!r}: {kinds}.")
    else:
        try:
            parse(left, rule.right)
        except ValueError as error:
            problems.add((*path, "check"), f"rule {rule.name!r}: {rule.right!r} is not {error}.")


def check_between(catalog: Catalog, problems: Problems) -> None:
    """Note what entities wrongly say of each other; their references and links are all settled."""
    tables: dict[tuple[str | None, str], str] = {}
    for entity in catalog.entities:
        path: Path = ("entity", entity.name)
        place = (entity.schema, entity.table)
        if place in tables:
            problems.add((*path, "table"), f"{entity.name!r} has the table {entity.table!r} of {tables[place]!r}.")
        tables.setdefault(place, entity.name)
        for item in entity.references:
            _check_reference(catalog, entity, item, (*path, "fields", item.name), problems)
        _check_columns(entity, path, problems)
    if not problems.found:
        for entity in catalog.entities:
            for number, link in enumerate(entity.links):
                _check_link(catalog, entity, link, ("entity", entity.name, "links", number), problems)


def _check_reference(catalog: Catalog, entity: Entity, item: Field, path: Path, problems: Problems) -> None:
    reference = item.reference
    assert reference is not None
    target = catalog.entity(reference.to)
    if reference.column != target.id and not is_unique(target, _fields_of(target, (reference.column,))):
        problems.add(
            (*path, "target_column"),
            f"field {item.name!r}: no two records of {target.name!r} may share its column {reference.column!r}; "
            f"make it unique or refer to another.",
        )
    if reference.acyclic and reference.to != entity.name:
        problems.add(
            (*path, "acyclic"), f"field {item.name!r}: only a reference of an entity to itself can be acyclic."
        )
    if reference.by != type(reference)(reference.to, "").by:
        for way, word in (("alias", "aliases"), ("display", "display")):
            if way in reference.by and getattr(target, word) is None:
                problems.add((*path, "by"), f"field {item.name!r}: {target.name!r} has no {word} to be named by.")


def _check_link(catalog: Catalog, entity: Entity, link: Link, path: Path, problems: Problems) -> None:
    target = catalog.entity(link.to)
    fields = {item.name: item for item in target.fields}
    unknown = [name for name in link.target_fields if name not in fields]
    if unknown:
        hint = nearest(unknown[0], fields)
        problems.add(
            (*path, "target_fields"), f"link {link.name!r}: {target.name!r} has no field {unknown[0]!r}.{hint}"
        )
    elif len(link.fields) != len(link.target_fields):
        count = f"{len(link.fields)} fields here and {len(link.target_fields)} there"
        problems.add((*path, "fields"), f"link {link.name!r} has {count}.")
    elif not is_unique(target, link.target_fields):
        names = ", ".join(link.target_fields)
        problems.add(
            (*path, "target_fields"), f"link {link.name!r}: {names} is neither the key of {target.name!r} nor unique."
        )
    else:
        for name, target_name in zip(link.fields, link.target_fields, strict=True):
            here, there = stored(catalog, entity.field(name)).kind, stored(catalog, fields[target_name]).kind
            if here != there:
                kinds = f"{name!r} is of type {here} and {target_name!r} of type {there}"
                problems.add((*path, "fields"), f"link {link.name!r}: {kinds}.")


def _fields_of(entity: Entity, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(item.name for item in entity.fields if item.column in columns)


def is_unique(entity: Entity, names: tuple[str, ...]) -> bool:
    """Whether no two records of the entity share the values of these fields, by its key or a unique set."""
    sets = [set(entity.key), *map(set, entity.uniques), *({item.name} for item in entity.fields if item.unique)]
    return set(names) in sets
