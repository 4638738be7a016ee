"""Files to fill in: the slots of an entity as an import reads them, and nothing that would itself be imported.

A CSV template is its header row. A JSON template is an empty list of the entity's records, and in its metadata,
which no import takes for data, what each slot asks for and an object to copy. An example row in the list would be a
record as soon as somebody forgot to delete it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.catalog.model import Catalog, Entity, Field, Slot, slots
from engine.processors.port import Processor, WritePart
from engine.whole_files import appearing, file_name


def template_bytes(catalog: Catalog, entity: Entity, processor: Processor, metadata: dict[str, Any]) -> bytes:
    """The template of an entity in the processor's format; importing it changes nothing."""
    names = tuple(slot.name for slot in slots(catalog, entity))
    said = {**metadata, "template": describe(catalog, entity)}
    file = io.BytesIO()
    processor.write(file, [WritePart(entity.name, names, iter(()))], said)
    return file.getvalue()


def write_templates(contents: Mapping[str, bytes], folder: Path, format: str) -> list[Path]:
    """Each entity's template stands in ``folder``, named after it."""
    names = {file_name(entity, format): content for entity, content in contents.items()}
    with appearing(folder, list(names)) as places:
        for name, content in names.items():
            places[name].write_bytes(content)
    return [folder / name for name in names]


def describe(catalog: Catalog, entity: Entity) -> dict[str, Any]:
    """What to fill in: a sentence per slot, and an example record to copy."""
    found = slots(catalog, entity)
    examples = {slot.name: slot.field.example for slot in found if slot.field.example and slot.part is None}
    return {"fields": {slot.name: asked(catalog, slot) for slot in found}, "example": examples}


def asked(catalog: Catalog, slot: Slot) -> str:
    """What a slot asks for, as a phrase: ``required; decimal(12,2), at least 0``."""
    item = slot.field
    need = "required" if item.required else "optional"
    form = _reference(catalog, slot) if item.reference else ", ".join([_kind(item), *_limits(item)])
    about = f"; {item.description}" if item.description else ""
    return f"{need}; {form}{about}"


def _reference(catalog: Catalog, slot: Slot) -> str:
    assert slot.field.reference is not None
    target = catalog.entity(slot.field.reference.to)
    names = {"key": " and ".join(target.key), "alias": "an alias", "display": target.display or "its name"}
    known = {"key": True, "alias": target.aliases is not None, "display": target.display is not None}
    if slot.part:
        return f"{slot.part} of the {target.name}"
    return f"the {target.name} by " + " or ".join(names[by] for by in slot.field.reference.by if known[by])


def _kind(item: Field) -> str:
    digits = f"({item.precision},{item.scale or 0})" if item.kind == "decimal" and item.precision else ""
    return f"{item.kind}{digits}"


def _limits(item: Field) -> list[str]:
    found = []
    if item.choices:
        found.append("one of " + ", ".join(item.choices))
    if item.length is not None:
        found.append(f"at most {item.length} letters")
    if item.minimum is not None:
        found.append(f"at least {item.minimum}")
    if item.maximum is not None:
        found.append(f"at most {item.maximum}")
    if item.default is not None:
        found.append(f"{item.default} where left blank")
    return found
