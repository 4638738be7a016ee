"""Numbers, cell by cell: digits and a point are read; other habits of writing are recognised only to suggest."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal

from engine.conversion.cells import Problem

INT64 = range(-(2**63), 2**63)

_WHOLE = re.compile(r"[+-]?[0-9]+")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_FLOAT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,6})?")
_EXPONENT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,2}")
_CURRENCY = re.compile(r"^[A-Z]{3} *(?=[-+0-9(])|(?<=[0-9)]) *[A-Z]{3}$")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_LONGEST = 60

_NOT_WHOLE = "{label} is not a whole number: write digits only, for example {example}."
_NOT_NUMBER = "{label} is not a number: write digits, with a point before the fraction, for example {example}."
_TOO_LARGE = "{label} is too large to store: write a number between -9223372036854775808 and 9223372036854775807."
_WIDE = Context(prec=200)


def read_integer(text: str) -> int | Problem:
    """The whole number, if it fits 64 bits."""
    if not _WHOLE.fullmatch(text):
        return Problem("value.type", _NOT_WHOLE, _suggest(_whole(reading) for reading in _readings(text)))
    if len(text.lstrip("+-0")) > 19 or int(text) not in INT64:
        return Problem("value.range", _TOO_LARGE)
    return int(text)


def read_decimal(text: str, precision: int, scale: int) -> Decimal | Problem:
    """The number with exactly ``scale`` digits after the point; zeros beyond them are dropped, other digits refused."""
    if not _PLAIN.fullmatch(text):
        return Problem("value.type", _NOT_NUMBER, _suggest(_readings(text)))
    before, _, after = text.lstrip("+-").partition(".")
    if len(before.lstrip("0")) > precision - scale:
        return Problem(
            "value.range", f"{{label}} has too many digits: at most {precision - scale} may stand before the point."
        )
    if after[scale:].strip("0"):
        rounded = (
            str(Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE))
            if len(text) <= _LONGEST
            else None
        )
        return Problem(
            "value.precision", f"{{label}} has too many digits after the point: round it to {scale}.", rounded
        )
    sign = "-" if text.startswith("-") else ""
    return Decimal(f"{sign}{before}.{after[:scale].ljust(scale, '0')}")


def read_float(text: str) -> float | Problem:
    """The nearest double; a whole number or more than 17 digits that would change is refused."""
    if not _FLOAT.fullmatch(text):
        return Problem("value.type", _NOT_NUMBER, _suggest(_readings(text)))
    value, exact = float(text), Decimal(text)
    if math.isinf(value) or (value == 0 and exact != 0):
        return Problem("value.range", "{label} is too large or too small to store: write a number like {example}.")
    is_long = len(exact.as_tuple().digits) > 17 or _WHOLE.fullmatch(text)
    if is_long and Decimal(repr(value)) != exact:
        return Problem(
            "value.precision", "{label} has more digits than can be stored: round it as suggested.", repr(value)
        )
    return value


def _whole(reading: str) -> str | None:
    number = Decimal(reading)
    return format(number.to_integral_value(), "f") if number == number.to_integral_value() else None


def _suggest(readings: Iterator[str | None]) -> str | None:
    return " or ".join(dict.fromkeys(reading for reading in readings if reading)) or None


def _readings(text: str) -> Iterator[str]:
    """The plain numbers ``text`` may stand for: none, one, or two where a mark may be a point or a thousands sign."""
    if len(text) > _LONGEST:
        return
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,15}", text):
        yield str(int(text, 16))
        return
    sign, digits = _undressed(text)
    if _EXPONENT.fullmatch(digits):
        yield format(Decimal(sign + digits), "f")
        return
    if not re.fullmatch(r"[0-9.,]*[0-9][0-9.,]*", digits):
        return
    mark = max(digits.rfind("."), digits.rfind(","))
    before, after = (digits[:mark], digits[mark + 1 :]) if mark >= 0 else (digits, "")
    if mark < 0 or (_GROUPED.fullmatch(digits) and not digits.startswith("0")):
        yield sign + re.sub("[.,]", "", digits)
    if mark >= 0 and digits[mark] not in before and (before.isdigit() or not before or _GROUPED.fullmatch(before)):
        whole = re.sub("[.,]", "", before) or "0"
        yield f"{sign}{whole}.{after}" if after else sign + whole


def _undressed(text: str) -> tuple[str, str]:
    """The sign and the digits and marks of ``text``, without currency, percent sign, blanks and underscores."""
    plain = "".join(_plain_character(character) for character in unicodedata.normalize("NFKC", text)).strip()
    plain = _CURRENCY.sub("", plain).strip()
    negative = plain.startswith("(") and plain.endswith(")")
    plain = re.sub(r"(?<=[0-9])[ _'](?=[0-9])", "", plain.strip("()'%").strip())
    if plain.endswith("-"):
        plain, negative = plain[:-1].strip(), True
    signs = plain[: len(plain) - len(plain.lstrip("+-"))]
    return "-" if negative or signs == "-" else "", plain.lstrip("+-").strip() if len(signs) <= 1 else ""


def _plain_character(character: str) -> str:
    if character in "\u2212\u2013":
        return "-"
    if character == "\u2019":
        return "'"
    if unicodedata.category(character) == "Sc":
        return ""
    return str(unicodedata.decimal(character, character))
