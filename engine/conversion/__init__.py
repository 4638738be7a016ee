"""Stage 3: text -> typed. Whole columns of text become typed columns; what cannot be read becomes issues."""

from engine.conversion.columns import PART_SEPARATOR, Converted, ConvertOptions, convert

__all__ = ["PART_SEPARATOR", "ConvertOptions", "Converted", "convert"]
