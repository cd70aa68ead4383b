"""Turns texts into token ids as WordLlama's tokenizer does, remembering those of words; it embeds nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

_SPACE: Final = "\u2581"
"""What the tokenizer puts for a space, and before the first word."""
_PIECE: Final = re.compile(" +[^ ]+")


class Tokens:
    """A tokenizer that looks up the words it has met.

    No token of its vocabulary holds a space after another character, so no merge crosses the beginning of a word: the
    ids of a text are those of its words, each with the spaces before it, one after the other.
    """

    def __init__(self, tokenizer: Any, /, *, capacity_chars: int = 500_000) -> None:
        self._tokenizer, self._capacity_chars = tokenizer, capacity_chars
        self._special = tuple(token.content for token in tokenizer.get_added_tokens_decoder().values())
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        self._first = frozenset(number for token, number in vocabulary.items() if token.startswith(_SPACE))
        self._blank = frozenset(number for token, number in vocabulary.items() if not token.strip(_SPACE))
        self._known: dict[str, list[int]] = {}
        self._known_chars = 0

    def ids(self, text: str, /) -> list[int]:
        """Return the ids of a text, none of them for its beginning or end."""
        text = text.replace(_SPACE, " ")
        if text.endswith(" ") or any(mark in text for mark in self._special):
            return self._encode(text)
        pieces = _PIECE.findall(f" {text}")
        if not self._known.keys() >= set(pieces):
            self._learn(pieces)
        return list(chain.from_iterable(map(self._known.__getitem__, pieces)))

    def _learn(self, pieces: Sequence[str]) -> None:
        """Add what is new, all in one call; forget everything first when it would not fit."""
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._known]
        if self._known_chars + sum(map(len, new)) > self._capacity_chars:
            self._known, self._known_chars, new = {}, 0, list(dict.fromkeys(pieces))
        self._known.update(zip(new, self._split(self._encode("".join(new)[1:])), strict=True))
        self._known_chars += sum(map(len, new))

    def _split(self, ids: Sequence[int]) -> list[list[int]]:
        """Part the ids before each token that begins with a space, unless spaces alone stand before it."""
        parts: list[list[int]] = []
        after_blank = False
        for number in ids:
            if number in self._first and not after_blank:
                parts.append([])
            parts[-1].append(number)
            after_blank = number in self._blank
        return parts

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
