"""Catalog -> TOML text that says the same: ``parse_catalog(to_toml(c)).digest == c.digest``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.catalog.model import Catalog, Entity, Field, Link, Reference, Rule
from engine.catalog.rule_text import write_check
from engine.catalog.words import FORMAT

_BARE = re.compile(r"[A-Za-z0-9_-]+")

Said = dict[str, Any]


def to_toml(catalog: Catalog) -> str:
    """The catalog as text; words that only repeat what goes without saying are left out."""
    blocks = [[f"format = {FORMAT}", *_lines(_unlike({"name": catalog.name}, {"name": ""}))]]
    blocks += [block for entity in catalog.entities for block in _entity(catalog, entity)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _entity(catalog: Catalog, entity: Entity) -> Iterator[list[str]]:
    path = f"entity.{_word(entity.name)}"
    said = {word: getattr(entity, word) for word in ("table", "schema", "label", "key", "id", "id_kind", "display",
                                                     "aliases", "policy", "uniques", "sensitive")}  # fmt: skip
    usual = {"table": None, "schema": None, "label": "", "id": "id", "id_kind": "integer", "display": None,
             "aliases": None, "policy": "update", "uniques": (), "sensitive": False}  # fmt: skip
    said["id"] = entity.id or False
    yield [f"[{path}]", *_lines(_unlike(said, usual))]
    fields = (f"{_word(item.name)} = {_inline(_field(catalog, item))}" for item in entity.fields)
    yield [f"[{path}.fields]", *fields]
    for link in entity.links:
        yield [f"[[{path}.links]]", *_lines(_link(catalog, link))]
    for rule in entity.rules:
        yield [f"[[{path}.rules]]", *_lines(_rule(entity, rule))]


def _field(catalog: Catalog, item: Field) -> Said:
    kind = item.kind if item.precision is None else f"decimal({item.precision},{item.scale or 0})"
    said: Said = {"type": kind}
    if item.reference is not None:
        said |= _reference(catalog, item.reference)
    said["column"] = item.column
    words = ("required", "unique", "length", "minimum", "maximum", "pattern", "choices", "default", "label",
             "description", "example", "headings", "sensitive", "filled")  # fmt: skip
    usual = {word: Field.__dataclass_fields__[word].default for word in words}
    usual["column"] = None if item.reference else item.name
    return _unlike(said | {word: getattr(item, word) for word in words}, usual)


def _reference(catalog: Catalog, reference: Reference) -> Said:
    target = catalog.entity(reference.to)
    single = target.field(target.key[0]).column if len(target.key) == 1 else None
    said = {"to": reference.to, "target_column": reference.column, "by": reference.by, "acyclic": reference.acyclic}
    plain = Reference(reference.to, "")
    return _unlike(said, {"target_column": target.id or single, "by": plain.by, "acyclic": False})


def _link(catalog: Catalog, link: Link) -> Said:
    said = {"name": link.name, "fields": link.fields, "to": link.to, "target_fields": link.target_fields}
    return _unlike(said, {"target_fields": catalog.entity(link.to).key})


def _rule(entity: Entity, rule: Rule) -> Said:
    check = write_check(rule, {item.name for item in entity.fields})
    return {"name": rule.name, "check": check, "message": rule.message}


def _unlike(said: Said, usual: Said) -> Said:
    return {word: value for word, value in said.items() if word not in usual or usual[word] != value}


def _lines(said: Said) -> list[str]:
    return [f"{word} = {_value(value)}" for word, value in said.items()]


def _inline(said: Said) -> str:
    return "{ " + ", ".join(_lines(said)) + " }"


def _value(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    # JSON and TOML write a text alike but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _word(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)
