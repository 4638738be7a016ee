"""A database nobody described -> the catalog it would have, and notes on what could not be taken over.

An entity is named as its table, a field as its column. Nothing is changed and no record is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from engine.catalog.check_text import read_literal
from engine.catalog.model import Catalog, Entity, Field, Link, Reference, make_catalog, stored
from engine.catalog.observed import Column, Declared, ForeignKey, Table, read_type
from engine.catalog.observed_postgresql import observe_postgresql
from engine.catalog.observed_sqlite import observe_sqlite
from engine.catalog.order import find_cycle
from engine.catalog.reflected_checks import apply_checks
from engine.catalog.reflected_keys import Identity, are_comparable, find_identities, leads_to_itself
from engine.catalog.values import parse
from engine.errors import UsageError

_OURS = ("portage_", "alembic_version", "sqlite_")
_SPATIAL = re.compile(
    "(views_|virts_)?geometry_columns(_auth|_time|_statistics|_field_infos)?|spatial_ref_sys(_aux|_all)?|"
    "geography_columns|raster_(columns|overviews)|spatialite_history|elementarygeometries|sql_statements_log|"
    "data_licenses|gpkg_.*|rtree_.*"
)
"""Tables that PostGIS, SpatiaLite and GeoPackage keep for themselves."""
_DISPLAY = ("name", "title", "label", "display_name", "full_name", "fullname")
_PART_OF_NAME = ("first", "last", "middle", "sur", "user", "nick", "file")


@dataclass(slots=True)
class Reflection:
    """What is known of every table while the catalog is made; ``kinds`` are the types of the columns taken over."""

    schema: str | None
    loose: bool
    tables: dict[str, Table]
    kinds: dict[str, dict[str, Declared]] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def reflect(database: sa.Engine, schema: str | None = None) -> tuple[Catalog, list[str]]:
    """The catalog of all tables of a database (of one schema), and a sentence for whatever was left out or unclear."""
    with database.connect() as connection:
        name = database.dialect.name
        if name not in ("sqlite", "postgresql"):
            raise UsageError(f"A catalog is made from SQLite and PostgreSQL databases, not from {name}.")
        found = (observe_sqlite if name == "sqlite" else observe_postgresql)(connection, schema)
    wanted = {table.name: table for table in found if not _is_ours(table.name)}
    seen = Reflection(schema, name == "sqlite", wanted)
    for table in wanted.values():
        seen.kinds[table.name] = _kinds(seen, table)
    seen.identities = find_identities(wanted, seen.kinds, seen.notes)
    entities = tuple(_entity(seen, wanted[name]) for name in seen.identities)
    catalog = _finish(make_catalog(schema or _named(database), entities), seen.notes)
    cycle = find_cycle(catalog)
    if cycle is not None:
        seen.notes.append(cycle.sentence[0].upper() + cycle.sentence[1:])
    return catalog, seen.notes


def _is_ours(name: str) -> bool:
    return name.lower().startswith(_OURS) or bool(_SPATIAL.fullmatch(name.lower()))


def _named(database: sa.Engine) -> str:
    """The name of the database: of the file, without its folder and ending, on SQLite."""
    name = database.url.database or ""
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".db").removesuffix(".sqlite")


def _kinds(seen: Reflection, table: Table) -> dict[str, Declared]:
    """The type of every column that becomes a field or an id; the others are noted."""
    found: dict[str, Declared] = {}
    for column in table.columns:
        place, declared = f"{table.name}.{column.name}", read_type(column.declared, loose=seen.loose)
        if column.computed:
            seen.notes.append(f"{place} is computed by the database and is left out.")
        elif declared.binary:
            needed = column.not_null and column.default is None
            more = ", though no record can be added without it" if needed else ""
            seen.notes.append(f"{place} holds bytes ({column.declared}) and is left out{more}.")
        elif declared.kind is None:
            if not column.choices:
                said = f"of type {column.declared}" if column.declared else "of no type"
                seen.notes.append(f"{place} is {said} and is treated as text.")
            found[column.name] = Declared("text")
        else:
            if declared.zoneless:
                seen.notes.append(f"{place} keeps no time zone; its moments are taken as UTC.")
            found[column.name] = declared
    return found


def _entity(seen: Reflection, table: Table) -> Entity:
    identity = seen.identities[table.name]
    references, links = _references(seen, table)
    kinds = seen.kinds[table.name]
    fields = tuple(
        _field(column, kinds[column.name], column.name in identity.key, references.get(column.name))
        for column in table.columns
        if column.name in kinds and column.name != identity.id
    )
    uniques = [names for names in (table.primary, *table.uniques) if are_comparable(kinds, names)]
    uniques = [names for names in dict.fromkeys(uniques) if names and not {*names} & {identity.id}]
    uniques = [names for names in uniques if set(names) != set(identity.key)]
    single = {names[0] for names in uniques if len(names) == 1}
    entity = Entity(
        name=table.name,
        table=table.name,
        schema=seen.schema,
        fields=tuple(replace(item, unique=item.name in single) for item in fields),
        key=identity.key,
        id=identity.id,
        id_kind=identity.id_kind,
        display=_display(fields, identity.key),
        uniques=tuple(names for names in uniques if len(names) > 1),
        links=tuple(links),
    )
    return apply_checks(entity, table, seen.notes)


def _field(column: Column, declared: Declared, in_key: bool, reference: Reference | None) -> Field:
    if reference is not None:
        filled = column.not_null and column.default is not None and not in_key
        return Field(
            name=column.name,
            column=column.name,
            kind="reference",
            required=in_key or (column.not_null and not filled),
            reference=reference,
            filled=filled,
        )
    assert declared.kind is not None
    item = Field(
        name=column.name,
        column=column.name,
        kind=declared.kind,
        precision=declared.precision,
        scale=declared.scale,
        length=declared.length,
        minimum=declared.minimum,
        maximum=declared.maximum,
        choices=column.choices,
        required=in_key or (column.not_null and column.default is None),
    )
    if item.required or not column.not_null:
        # The default of a column that may be NULL stays the database's: a blank cell is a NULL there and remains one.
        return item
    return replace(item, filled=True, default=_default(item, str(column.default)))


def _default(item: Field, sql: str) -> str | None:
    """The value of a literal default; None where the default is worked out by the database."""
    text = read_literal(sql)
    if text is not None and item.kind == "boolean":
        text = {"0": "false", "1": "true"}.get(text, text)
    try:
        if text is not None:
            parse(item, text)
    except ValueError:
        return None
    return text


def _references(seen: Reflection, table: Table) -> tuple[dict[str, Reference], list[Link]]:
    """The reference of each column that is one, and the links over several columns (or a second one over one)."""
    references: dict[str, Reference] = {}
    links: list[Link] = []
    for key in table.foreign_keys:
        why_not = _why_not(seen, table, key)
        if why_not:
            seen.notes.append(f"{table.name}: the reference over {', '.join(key.columns)} {why_not}.")
            continue
        assert key.table is not None
        target, column = seen.identities[key.table], key.columns[0]
        if len(key.columns) == 1 and column not in references and (target.id is not None or len(target.key) == 1):
            by = Reference(key.table, "").by if key.targets[0] == target.id else ("key",)
            references[column] = Reference(key.table, key.targets[0], by)
        elif target.id in key.targets:
            seen.notes.append(
                f"{table.name}: the second reference over {column}, to {key.table}, is left to the database."
            )
        else:
            name = _free("_".join(key.columns), {link.name for link in links})
            links.append(Link(name, key.columns, key.table, key.targets))
    return references, links


def _why_not(seen: Reflection, table: Table, key: ForeignKey) -> str | None:
    """Why a foreign key cannot be followed, or None."""
    own, to = seen.kinds[table.name], key.table or "another schema"
    if key.table is None or key.table not in seen.identities:
        return f"leads to {to}, which is no entity here; the values are taken as they are"
    target, kinds, identity = seen.tables[key.table], seen.kinds[key.table], seen.identities[key.table]
    if len(key.targets) != len(key.columns) or not set(key.targets) <= set(kinds) or not set(key.columns) <= set(own):
        return f"leads to columns of {to} that are not there or were left out; the values are taken as they are"
    unique = [set(names) for names in (target.primary, identity.key, *target.uniques)]
    if set(key.targets) not in unique:
        return f"leads to columns of {to} that are not unique; the values are taken as they are"
    if leads_to_itself(seen.tables, seen.identities, table.name, key):
        return f"makes the key of {to} depend on itself; the values are taken as they are"
    return None


def _finish(catalog: Catalog, notes: list[str]) -> Catalog:
    """What can only be said when every entity is known: which references hold a display name, which links are sound."""
    return make_catalog(catalog.name, tuple(_finished(catalog, entity, notes) for entity in catalog.entities))


def _finished(catalog: Catalog, entity: Entity, notes: list[str]) -> Entity:
    fields = tuple(_named_by_display(catalog, item) for item in entity.fields)
    sound = [link for link in entity.links if _joins_alike(catalog, entity, link)]
    for link in entity.links:
        if link not in sound:
            columns = ", ".join(link.fields)
            notes.append(f"{entity.name}: {columns} and what they refer to in {link.to} are of different types.")
    return replace(entity, fields=fields, links=tuple(sound))


def _named_by_display(catalog: Catalog, item: Field) -> Field:
    """A reference that stores the display name of its record may be written as that, as its table has it."""
    reference = item.reference
    if reference is None or reference.column != catalog.entity(reference.to).display:
        return item
    return replace(item, reference=replace(reference, by=("key", "display")))


def _joins_alike(catalog: Catalog, entity: Entity, link: Link) -> bool:
    target = catalog.entity(link.to)
    pairs = zip(link.fields, link.target_fields, strict=True)
    return all(stored(catalog, entity.field(a)).kind == stored(catalog, target.field(b)).kind for a, b in pairs)


def _display(fields: Iterable[Field], key: tuple[str, ...]) -> str | None:
    """The field that says a record's name: ``name``, ``title`` and the like, else the first ``…name``."""
    texts = [item.name for item in fields if item.kind == "text" and (item.name,) != key]
    named = {name.lower(): name for name in reversed(texts)}
    exact = next((named[word] for word in _DISPLAY if word in named), None)
    ending = (name for low, name in ((name.lower(), name) for name in texts) if low.endswith("name"))
    return exact or next((name for name in ending if not name.lower().startswith(_PART_OF_NAME)), None)


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, numbered where it is taken."""
    names, number, free = set(taken), 2, name
    while free in names:
        free, number = f"{name}_{number}", number + 1
    return free
