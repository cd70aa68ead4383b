"""Counts the lexical cues of every category in a text; it knows nothing of embeddings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.categories import is_pattern

_WORD: Final = re.compile(r"\w+")
_ASCII_WORDS: Final = bytes(ord(chr(code).lower()) if _WORD.match(chr(code)) else 32 for code in range(256))
"""What each character of an ASCII text counts as: itself in lower case within a word, a space between words."""


def _words(text: str) -> list[str]:
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).decode().split()
    return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """A word or phrase, and the categories that claim it; the more of them, the less each one gets."""

    phrase: str
    """Its words with a space before, between and after, as they stand in a text treated alike."""
    categories: tuple[int, ...]

    @property
    def weight(self) -> float:
        return 1.0 / len(self.categories)


@dataclass(frozen=True, slots=True, kw_only=True)
class CueIndex:
    """The cues of all categories, compiled once; phrases are found by their first word."""

    size: int
    phrases: dict[str, tuple[_Cue, ...]]
    patterns: tuple[tuple[re.Pattern[str], int], ...]

    @classmethod
    def compile(cls, cues: Sequence[Iterable[str]], /) -> CueIndex:
        """Compile `cues[i]`, the words, phrases and /patterns/ of category i."""
        claims: dict[str, list[int]] = {}
        patterns = []
        for category, own in enumerate(cues):
            for cue in dict.fromkeys(own):
                if is_pattern(cue):
                    patterns.append((re.compile(cue[1:-1]), category))
                else:
                    claims.setdefault(f" {' '.join(_words(cue))} ", []).append(category)
        phrases: dict[str, tuple[_Cue, ...]] = {}
        for phrase, categories in claims.items():
            first = phrase.split()[0]
            phrases[first] = (*phrases.get(first, ()), _Cue(phrase=phrase, categories=tuple(categories)))
        return cls(size=len(cues), phrases=phrases, patterns=tuple(patterns))

    def count(self, text: str, /) -> NDArray[np.float32]:
        """Return how many cues of each category the text holds, shape (size,); once each, shared ones in part."""
        hits = [0.0] * self.size
        words = _words(text)
        padded = f" {' '.join(words)} "
        # In the text's own order, not a set's: sums of floats then come out bit-equal in every process.
        for word in dict.fromkeys(words):
            for cue in self.phrases.get(word, ()):
                if cue.phrase in padded:
                    for category in cue.categories:
                        hits[category] += cue.weight
        for pattern, category in self.patterns:
            if pattern.search(text):
                hits[category] += 1.0
        return np.array(hits, dtype=np.float32)
