"""What is wrong with a catalog file, gathered so that one reading tells it all."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.catalog.toml_lines import Path, line_of
from engine.errors import CatalogError


@dataclass(slots=True)
class Problems:
    """Messages with the path of the word each is about."""

    file: str
    lines: dict[Path, int]
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: Path, message: str) -> None:
        """Note that what stands at ``path`` is wrong."""
        self.found.append((line_of(self.lines, path) or 1, message))

    def refuse(self) -> None:
        """Raise CatalogError with everything found so far, in the order of the file; nothing where all is well."""
        if not self.found:
            return
        (line, first), *others = sorted(dict.fromkeys(self.found))
        more = [f"\n{self.file}:{place}: {message}" for place, message in others]
        raise CatalogError(first + "".join(more), file=self.file, line=line)
