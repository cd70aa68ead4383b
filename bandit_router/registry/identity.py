"""Notices that a provider answers with another version of a model than before; what follows it does not say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

STEADY: Final = 5
"""So many answers in a row by a version not known yet are a change: a stray one is none."""
KEPT: Final = 8
"""Versions known of a model: providers answer with several at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A model answers with another version than it `was`, by the provider's words; `seq` is where in the journal."""

    seq: int
    model: str
    was: str
    now: str


@dataclass(slots=True, kw_only=True)
class Identity:
    """One model: the versions it has answered with, and the one that may be new."""

    known: list[str] = field(default_factory=list)
    pending: str = ""
    times: int = 0

    def saw(self, version: str) -> str | None:
        """Take an answer's version in; return the one before when this one has come to stay."""
        if version in self.known or not self.known:
            # The last one answered with stands last.
            self.known = [*(each for each in self.known if each != version), version]
            self.pending, self.times = "", 0
            return None
        self.times = self.times + 1 if version == self.pending else 1
        self.pending = version
        if self.times < STEADY:
            return None
        was, self.pending, self.times = self.known[-1], "", 0
        self.known = [*self.known, version][-KEPT:]
        return was


def version_of(provider_model: str, fingerprint: str | None) -> str:
    """Return what tells an answer's version: the provider's name of the model, and its fingerprint where it gives one.

    >>> version_of("gpt-4o-2024-08-06", "fp_1"), version_of("", None)
    ('gpt-4o-2024-08-06 fp_1', '')
    """
    return f"{provider_model} {fingerprint or ''}".strip()
