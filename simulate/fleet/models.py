"""The fleet's models: they answer from the outcome table and know whose answer a text is; they do not grade."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from simulate.fleet.protocol import Chat, Reply
from simulate.outcomes import Row, Table
from simulate.prices import count_tokens, price_list, usage

_REMEMBERED: Final = 10_000
_END: Final = 20_000
_OPENINGS: Final = (
    "Working from what the question states, each condition is taken in turn and checked against the others.",
    "The key step is to set aside what does not matter here and to follow the remaining facts to their end.",
    "Starting from the definition and applying it to the case at hand settles the matter in a few steps.",
    "Comparing the possibilities one after another leaves a single reading that fits all that is given.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an answer comes from: the prompt, the model, and the true score in [0, 1]."""

    prompt: str
    model: str
    score: float
    judges: Mapping[str, float] = field(default_factory=dict)
    """What recorded judges said of it."""


class Answers:
    """The recorded answers of every model, and synthetic ones where none was recorded."""

    def __init__(self, table: Table) -> None:
        self._rows = {row.prompt: row for row in table.rows}
        self._prices = price_list(table)
        self._means = {model: table.mean_score(model) for model in table.models}
        self._typical = {model: self._mean_output(table, model) for model in table.models}
        self._improvised: dict[bytes, Source] = {}
        self._recorded: dict[bytes, list[Source]] = {}
        for row in table.rows:
            for model in row.arms:
                self._recorded.setdefault(_digest(_answer(row, model)), []).append(_source(row, model))

    def reply(self, chat: Chat, *, speaker: str) -> Reply:
        """Answer as `speaker` does, at the usage of the model asked (they differ while that one is degraded)."""
        row = self._rows.get(chat.prompt)
        if row is None:
            return self._improvise(chat, speaker)
        tokens = usage(row, row.arms[chat.model], self._prices[chat.model])
        return Reply(text=_answer(row, speaker), input_tokens=tokens[0], output_tokens=tokens[1])

    def source(self, question: str, answer: str) -> Source | None:
        """Return whose answer this is, None when the fleet never gave it.

        Short answers ("Yes") belong to several prompts: then the one that the question contains. An answer with
        something added, or left out where a judge is asked again, is as good as what is in it of the question's own.
        """
        digest = _digest(answer)
        known = self._recorded.get(digest)
        if known is None:
            return self._improvised.get(digest) or self._inside(question, answer)
        return next((source for source in known if source.prompt in question), known[0])

    def _inside(self, question: str, answer: str) -> Source | None:
        """Return the longest recorded answer to a question that an answer contains."""
        row = self._rows.get(question)
        held = {model: text for model in row.arms if (text := _answer(row, model).strip()) in answer} if row else {}
        if row is None or not held:
            return None
        model = max(held, key=lambda name: len(held[name]))
        return _source(row, model)

    def _improvise(self, chat: Chat, speaker: str) -> Reply:
        """Answer a prompt that the table does not hold, with the speaker's mean score as the true one."""
        text = _synthetic(chat.prompt, speaker)
        self._improvised[_digest(text)] = Source(prompt=chat.prompt, model=speaker, score=self._means[speaker])
        if len(self._improvised) > _REMEMBERED:
            del self._improvised[next(iter(self._improvised))]
        return Reply(text=text, input_tokens=count_tokens(chat.text), output_tokens=self._typical[chat.model])

    def _mean_output(self, table: Table, model: str) -> int:
        price = self._prices[model]
        return round(sum(usage(row, row.arms[model], price)[1] for row in table.rows) / len(table.rows))


def _source(row: Row, model: str) -> Source:
    arm = row.arms[model]
    return Source(prompt=row.prompt, model=model, score=arm.score, judges=arm.judges)


def _answer(row: Row, model: str) -> str:
    return row.arms[model].answer or _synthetic(row.prompt, model)


def _synthetic(prompt: str, model: str) -> str:
    """Write a plausible answer that is unique to prompt and model by an opaque tag and says nothing of its score."""
    tag = hashlib.sha256(f"{model}\x1f{prompt}".encode(errors="replace")).hexdigest()
    opening = _OPENINGS[int(tag[:8], 16) % len(_OPENINGS)]
    return f"{opening} That gives the answer noted under reference {tag[8:20]}."


def _digest(answer: str) -> bytes:
    text = answer.strip()
    # Judges may be shown a very long answer without its middle, so only its ends count.
    return hashlib.sha256((text[:_END] + text[-_END:]).encode(errors="replace")).digest()
