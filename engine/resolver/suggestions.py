"""What an unknown text may have meant: the names nearest to it, scored."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

CUTOFF = 60.0
"""Scores below this are noise: two unrelated company names share that much."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A record an unknown text may have meant; ``score`` runs from 0 to 100 (rapidfuzz's weighted ratio)."""

    key: str
    name: str
    score: int

    def __str__(self) -> str:
        return f"{self.key} ({self.name}, {self.score} %)" if self.name != self.key else f"{self.key} ({self.score} %)"


def suggest(texts: list[str], names: list[tuple[str, str]], limit: int = 3) -> dict[str, list[Suggestion]]:
    """Up to ``limit`` records for each text, best first; ``names`` pairs each name with the key of its record."""
    choices = [utils.default_process(name) for name, _ in names]
    return {text: _best(text, names, choices, limit) for text in texts}


def _best(text: str, names: list[tuple[str, str]], choices: list[str], limit: int) -> list[Suggestion]:
    query = utils.default_process(text)
    near = process.extract(query, choices, scorer=fuzz.ratio, score_cutoff=CUTOFF, limit=4 * limit)
    best: dict[str, Suggestion] = {}
    for _, score, place in near:
        name, key = names[place]
        best.setdefault(key, Suggestion(key, name, round(score)))
    return list(best.values())[:limit]
