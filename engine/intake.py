"""Files on their way into a batch: inspected, kept by hash, and read.

A file's bytes are kept in the background while its parts are read, so that a large file is waited for once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType

from engine.catalog.model import Catalog
from engine.errors import UsageError
from engine.mapping import guess
from engine.model import ImportOptions, Source
from engine.processors.port import Chunk, Part, Processor, ReadOptions
from engine.processors.registry import processor_for
from engine.reading import Opened, read_part
from engine.surroundings import Progress, Surroundings

File = tuple[Path, str, str | None]
"""A file to import: where it is, what it is called, and its entity (None: find out)."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a part of a file was found to be."""

    file: str
    part: Part
    format: str
    entity: str | None
    why: str
    mapping: dict[str, str]


def inspect_file(
    catalog: Catalog, path: Path, name: str, options: ImportOptions, entity: str | None
) -> tuple[Processor, list[Inspected]]:
    """The parts of a file, each with the entity it seems to hold; UnreadableFileError where none can read it."""
    if entity is not None and entity not in catalog:
        known = ", ".join(item.name for item in catalog.entities)
        raise UsageError(f"The catalog has no entity {entity!r}: it has {known}.")
    processor = processor_for(path, name, catalog, entity)
    read = ReadOptions(options.encoding, options.delimiter, options.quote, options.header_row)
    found = []
    for part in processor.inspect(path, read):
        named = entity if entity is not None and not part.entity else part.entity
        chosen = guess(catalog, part.columns, (Path(name).stem, part.name), named)
        found.append(Inspected(name, part, processor.format, chosen.entity, chosen.why, chosen.mapping))
    return processor, found


def source_of(number: int, found: Inspected, sha256: str, size: int, rows: int) -> Source:
    """The source that an inspected part is in its batch."""
    return Source(
        number,
        found.file,
        found.part.name,
        sha256,
        size,
        found.entity,
        found.part.columns,
        found.mapping,
        rows,
        asdict(found.part.options),
        {
            "format": found.format,
            "why": found.why,
            "headings": list(found.part.headings),
            "certain": found.part.certain,
            "notes": list(found.part.notes),
            "metadata": found.part.metadata,
        },
    )


@dataclass(slots=True)
class _Taken:
    opened: Opened
    kept: Future[tuple[str, int]]
    before: tuple[int, int]
    is_read: bool = False


class Intake:
    """The files of one batch, beside the sources already ``taken``; an error takes back what was staged."""

    def __init__(
        self,
        around: Surroundings,
        batch: str,
        files: Sequence[File],
        options: ImportOptions,
        taken: Sequence[Source],
        progress: Progress,
    ) -> None:
        if not files:
            raise UsageError("Name at least one file to import.")
        self._around = around
        self._batch = batch
        self._progress = progress
        self._is_new = not taken
        self._open = ExitStack()
        self._pool = self._open.enter_context(ThreadPoolExecutor(1, thread_name_prefix="portage-keep"))
        self._taken: dict[int, _Taken] = {}
        self.sources: list[Source] = []
        called = {source.name for source in taken}
        for path, given, entity in files:
            name = _another_name(given, called)
            called.add(name)
            processor, parts = inspect_file(around.catalog, path, name, options, entity)
            before = _stamp(path)
            kept = self._pool.submit(around.storage.keep_raw, path)
            for found in parts:
                number = len(taken) + len(self.sources) + 1
                self.sources.append(source_of(number, found, "", before[0], 0))
                self._taken[number] = _Taken(Opened(processor, path, found.part), kept, before)

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()
        if kind is not None and self._is_new:
            self._around.storage.remove(self._around.storage.path(self._batch))

    def read(self, source: Source) -> Generator[Chunk, None, None]:
        """The rows of a source, staged while they are handed on (a :data:`engine.reading.Reader`)."""
        taken = self._taken[source.number]
        rows = 0
        for chunk in read_part(self._around, self._batch, source.staged, taken.opened, self._progress):
            rows += chunk.rows.num_rows
            yield chunk
        taken.is_read = True
        self.sources = [replace(item, rows=rows) if item.number == source.number else item for item in self.sources]

    def finish(self) -> tuple[Source, ...]:
        """Everything is staged, and the bytes are kept; UsageError where a file changed meanwhile."""
        for source in list(self.sources):
            if not self._taken[source.number].is_read:
                for _ in self.read(source):
                    pass
        return tuple(self._kept(source) for source in self.sources)

    def _kept(self, source: Source) -> Source:
        taken = self._taken[source.number]
        sha256, size = taken.kept.result()
        if _stamp(taken.opened.file) != taken.before:
            raise UsageError(
                f"{source.name} changed while it was read: nothing was taken. Try again when it is complete."
            )
        return replace(source, sha256=sha256, size=size)


def _another_name(name: str, called: set[str]) -> str:
    """The name, told apart from those of the batch's other files: issues name their place by it."""
    stem, suffix = Path(name).stem, Path(name).suffix
    return next(
        found for number in count(1) if (found := name if number == 1 else f"{stem} ({number}){suffix}") not in called
    )


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
