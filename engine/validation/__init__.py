"""Stage 4: typed -> checked. What the catalog asks of values becomes issues, each at its cell."""

from engine.validation.chunks import Checks, Validated, build_checks, validate

__all__ = ["Checks", "Validated", "build_checks", "validate"]
