"""What the catalog asks of single cells and of pairs of them, each check defined once, as Arrow arithmetic.

A check answers where values break it; a null breaks nothing but "must be there". Patterns run in RE2, whose time
grows with the text alone, and rules are comparisons: nothing of a catalog is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from engine.catalog.model import Entity, Field, Rule
from engine.catalog.text import arrow_type
from engine.catalog.values import parse
from engine.issues import Severity

COMPARISONS: dict[str, Callable[..., pa.Array]] = {
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
}


@dataclass(frozen=True, slots=True)
class CellCheck:
    """One thing asked of a field's values. ``broken`` is true where one breaks it; ``suggest`` answers better texts.

    ``counts`` says when a broken cell is an issue: ``always``, or only ``if_new``, where the row becomes a new record.
    """

    code: str
    message: str
    broken: Callable[[pa.Array], pa.Array]
    suggest: Callable[[pa.Array], pa.Array] | None = None
    severity: Severity | None = None
    counts: Literal["always", "if_new"] = "always"


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One rule; ``broken`` takes the left column and the right one, or the left alone where the right is a literal."""

    rule: Rule
    code: str
    message: str
    broken: Callable[..., pa.Array]

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns it needs; without them there is nothing to check."""
        return (self.rule.left, self.rule.right) if self.rule.right_is_field else (self.rule.left,)


def cell_checks(entity: Entity, field: Field) -> tuple[CellCheck, ...]:
    """Everything asked of the values of ``field``, in the order in which it is reported."""
    return (*_presence(entity, field), *_limits(field), *_forms(field), *_key_form(entity, field))


def rule_check(entity: Entity, rule: Rule) -> RuleCheck:
    """The rule as a check: broken where both sides have values and the comparison does not hold."""
    left = entity.field(rule.left)
    holds = COMPARISONS[rule.operator]
    message = rule.message or f"It must be that {rule.left} {rule.operator} {rule.right}: correct one of them."
    if rule.right_is_field:
        return RuleCheck(rule, f"rule.{rule.name}", message, partial(_fails, holds))
    literal = _scalar(left, rule.right)
    return RuleCheck(rule, f"rule.{rule.name}", message, lambda values: _fails(holds, values, literal))


def _presence(entity: Entity, field: Field) -> Iterator[CellCheck]:
    if field.name in entity.key:
        message = f"{_label(field)} is part of what identifies the row: fill it in{_like(field)}."
        yield CellCheck("key.missing", message, pc.is_null)
    elif field.required and field.default is None and not field.filled:
        yield CellCheck(
            "value.missing", f"{_label(field)} is required: fill it in{_like(field)}.", pc.is_null, counts="if_new"
        )


def _limits(field: Field) -> Iterator[CellCheck]:
    label = _label(field)
    if field.length is not None:
        yield CellCheck(
            "value.length", f"{label} holds at most {field.length} characters: shorten the text.", _longer(field.length)
        )
    if field.minimum is not None:
        least = _scalar(field, field.minimum)
        yield CellCheck(
            "value.range",
            f"{label} must be at least {field.minimum}: correct it.",
            lambda values: pc.less(values, least),
        )
    if field.maximum is not None:
        most = _scalar(field, field.maximum)
        yield CellCheck(
            "value.range",
            f"{label} must be at most {field.maximum}: correct it.",
            lambda values: pc.greater(values, most),
        )


def _forms(field: Field) -> Iterator[CellCheck]:
    if field.pattern is not None:
        wanted = f"write it like {field.example}" if field.example else f"it must match {field.pattern}"
        message = f"{_label(field)} does not have the required form: {wanted}."
        yield CellCheck("value.pattern", message, _unlike(field.pattern), partial(_respelled, field.pattern))
    if field.choices:
        listed = ", ".join(field.choices[:_LISTED]) + (", …" if len(field.choices) > _LISTED else "")
        known = pa.array([_scalar(field, choice).as_py() for choice in field.choices], arrow_type(field))
        message = f"{_label(field)} must be one of its choices: {listed}."
        yield CellCheck("value.choice", message, partial(_not_among, known), partial(_nearest, field.choices))


def _key_form(entity: Entity, field: Field) -> Iterator[CellCheck]:
    if field.name in entity.key and field.kind == "text":
        message = f"{_label(field)} has blanks around it, or letters that only look the same: is that meant?"
        yield CellCheck("value.pattern", message, _untidy, _tidied, "warning")


_LISTED = 12
_NEAR = 60


def _label(field: Field) -> str:
    return field.label or field.name


def _like(field: Field) -> str:
    return f", for example {field.example}" if field.example else ""


def _scalar(field: Field, text: str) -> pa.Scalar:
    kind = arrow_type(field)
    return pa.scalar(text if pa.types.is_string(kind) else parse(field, text), kind)


def _fails(holds: Callable[..., pa.Array], left: pa.Array, right: pa.Array) -> pa.Array:
    return pc.invert(holds(left, right))


def _longer(length: int) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: pc.greater(pc.utf8_length(texts), length)


def _unlike(pattern: str) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: pc.invert(pc.match_substring_regex(texts, pattern))


def _not_among(known: pa.Array, values: pa.Array) -> pa.Array:
    return pc.and_(pc.invert(pc.is_in(values, known)), pc.is_valid(values))


def _untidy(texts: pa.Array) -> pa.Array:
    return pc.not_equal(texts, _tidied(texts))


def _tidied(texts: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(texts)
    return trimmed if pc.all(pc.string_is_ascii(trimmed)).as_py() else pc.utf8_normalize(trimmed, form="NFC")


def _respelled(pattern: str, texts: pa.Array) -> pa.Array:
    """The first of: trimmed, in capitals, in small letters, that has the form; null where none has."""
    trimmed = pc.utf8_trim_whitespace(texts)
    spellings = [trimmed, pc.utf8_upper(trimmed), pc.utf8_lower(trimmed)]
    return pc.coalesce(*[pc.if_else(pc.match_substring_regex(each, pattern), each, None) for each in spellings])


def _nearest(choices: tuple[str, ...], texts: pa.Array) -> pa.Array:
    encoded = texts.dictionary_encode()
    found = [_nearest_choice(choices, text) for text in encoded.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(encoded.indices)


def _nearest_choice(choices: tuple[str, ...], text: str) -> str | None:
    """The choice that is the same but for capitals and blanks, else the one spelled most alike, if any is near."""
    plain = text.strip().casefold()
    same = next((choice for choice in choices if choice.casefold() == plain), None)
    if same is not None:
        return same
    near = process.extractOne(plain, choices, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=_NEAR)
    return near[0] if near else None
