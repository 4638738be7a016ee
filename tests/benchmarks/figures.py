"""The figures Portage must reach, and the table that tells whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

MEMORY_LIMIT_MB = 768


@dataclass(frozen=True, slots=True)
class Figure:
    """``work`` of Portage may take at most ``limit`` times the seconds of ``against``."""

    title: str
    work: str
    against: str
    limit: float
    aim: float | None = None


FIGURES = {
    "sqlite": (
        Figure("first load of the orders", "first", "import", 5, 3.5),
        Figure("first load of all three files", "first-all", "import", 5, 3.5),
        Figure("first load of the orders", "first", "executemany", 1.4),
        Figure("10% changed, 5% new", "changed", "import", 3, 2.2),
        Figure("the same file again", "same", "import", 2),
        Figure("1% bad rows, all reported", "bad", "import", 1.75),
    ),
    "postgresql": (
        Figure("first load of the orders", "first", "constrained-copy", 1.75),
        Figure("first load of all three files", "first-all", "constrained-copy", 1.75),
        Figure("first load, constraints rebuilt", "first-rebuild", "flat-copy", 7.5),
        Figure("10% changed, 5% new", "changed", "flat-copy", 7.5),
    ),
}
INSTEAD = {
    "sqlite": ("pandas", "sqlite-utils", "django", "django-bulk"),
    "postgresql": ("pandas", "django", "django-bulk"),
}

Seconds = Mapping[str, list[float]]
"""The seconds of each round, by the name of the job or baseline."""


def seconds_table(seconds: Seconds, peaks: Mapping[str, float]) -> list[str]:
    """What was measured: the median, the spread, and the peak memory."""
    lines = [f"{'measured':<18}{'median s':>10}{'least':>9}{'most':>9}{'peak MB':>9}"]
    for name, found in seconds.items():
        spread = f"{median(found):>10.2f}{min(found):>9.2f}{max(found):>9.2f}"
        lines.append(f"{name:<18}{spread}{peaks[name]:>9.0f}")
    return lines


def ratio_table(kind: str, seconds: Seconds, failed: Mapping[str, str]) -> tuple[list[str], bool]:
    """One line per figure that was measured, and whether all of them are within their limits."""
    lines = [f"{'Portage':<34}{'against':<18}{'ratio':>7}{'limit':>8}{'aim':>7}  "]
    passed = True
    for figure in FIGURES[kind]:
        if figure.work in failed or figure.against in failed:
            reason = failed.get(figure.work) or failed[figure.against]
            lines.append(f"{figure.title:<34}{figure.against:<18}  not measured: {reason}")
            passed = False
        elif seconds.get(figure.work) and seconds.get(figure.against):
            ratio = median(seconds[figure.work]) / median(seconds[figure.against])
            lines.append(_ratio_line(figure, ratio))
            passed = passed and ratio <= figure.limit
    return lines, passed


def _ratio_line(figure: Figure, ratio: float) -> str:
    aim = f"{figure.aim:.2f}" if figure.aim else ""
    passed = "pass, aim reached" if figure.aim and ratio <= figure.aim else "pass"
    verdict = passed if ratio <= figure.limit else "FAIL"
    return f"{figure.title:<34}{figure.against:<18}{ratio:>7.2f}{figure.limit:>8.2f}{aim:>7}  {verdict}"


def instead_table(kind: str, seconds: Seconds, does: Mapping[str, str]) -> list[str]:
    """How many times longer than Portage's first load the alternatives take."""
    if not seconds.get("first"):
        return []
    base = median(seconds["first"])
    return [
        f"{name:<18}{median(seconds[name]) / base:>8.1f} x Portage's first load   {does[name]}"
        for name in INSTEAD[kind]
        if seconds.get(name)
    ]


def memory_line(work: str, rows: int, peak_mb: float) -> tuple[str, bool]:
    """The peak memory of one run beside its limit."""
    passed = peak_mb <= MEMORY_LIMIT_MB
    verdict = "pass" if passed else "FAIL"
    return f"{work:<18}{rows:>12,} rows{peak_mb:>9.0f} MB{MEMORY_LIMIT_MB:>8} MB  {verdict}", passed
