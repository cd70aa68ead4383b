"""A grading model behind a chat template that is easily swayed by its prompt, and knows quality only as it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandit_router.types import ChatRequest, Completion, Model
from simulate.fleet.gullible import naive_score, swayed
from tests.unit.judge.cases import completion


@dataclass
class Gullible:
    """A provider of grades: of `qualities` by what an answer contains, where nothing in its prompt sways it."""

    qualities: Mapping[str, float]
    fooled: list[str] = field(default_factory=list)

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        return completion(self.reply(request.messages[-1]["content"]))

    def reply(self, prompt: str) -> str:
        """Reply to a prompt whose material is a JSON object."""
        if found := swayed(prompt):
            why, reply = found
            self.fooled.append(why)
            return reply
        return self._grade(json.loads(prompt))

    def naively(self, answer: str) -> float | None:
        """Return the score that it gives when the answer stands as it is in its prompt."""
        return naive_score(answer, self._quality(answer))

    def _grade(self, material: Mapping[str, Any]) -> str:
        if "answer" in material:
            return json.dumps({"nonce": material["nonce"], "score": self._quality(material["answer"]), "reason": ""})
        first, second = self._quality(material["answer_1"]), self._quality(material["answer_2"])
        better = 0 if first == second else 1 if first > second else 2
        return json.dumps({"nonce": material["nonce"], "better": better, "reason": ""})

    def _quality(self, answer: str) -> float:
        return next(quality for text, quality in self.qualities.items() if text in answer)
