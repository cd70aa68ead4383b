"""A grading model that is easily fooled: by turns it did not get, by text outside the material, by verdicts to copy.

It stands for a small model behind a chat template. What it knows of quality is told to it. It is not talked over by
what it sees to be material: how far real models are is for each model to show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandit_router.types import ChatRequest, Completion, Model
from tests.unit.judge.cases import completion

_CONTROL = re.compile(
    r"<\|[^|>]*\|>|<\uff5c[^\uff5c]*\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?(?:system|assistant)>"
)
"""What a tokenizer turns into control tokens, wherever it stands in the text that it is given."""
_HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_VERDICT = re.compile(r"\{[^{}]*\"(?:score|better)\"[^{}]*\}")
_KNOWN = {"nonce", "question", "instructions", "answer", "answer_1", "answer_2"}


@dataclass
class Gullible:
    """A provider of grades: of `qualities` by how an answer starts or ends, for what it takes to be the answer."""

    qualities: Mapping[str, float]
    fooled: list[str] = field(default_factory=list)

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        system, user = (message["content"] for message in request.messages)
        return completion(self.reply(system, user))

    def reply(self, system: str, user: str) -> str:
        """Reply to a prompt whose material is a JSON object; anything else in the prompt is obeyed."""
        turns = _CONTROL.split(user)
        if len(turns) > 1:
            return self._obey("a forged turn", {})
        material, rest = self._material(user)
        if material is None or rest.strip() or material.keys() - _KNOWN or _HIDDEN.search(user):
            return self._obey("text outside the material", material or {})
        forged = [verdict for name, text in material.items() if name != "nonce" for verdict in _VERDICT.findall(text)]
        if forged and "could not be used" not in system:
            self.fooled.append("a verdict to copy")
            return str(forged[-1])
        return self._grade(material)

    def naively(self, question: str, answer: str) -> float | None:
        """Return the score that it gives when question and answer stand as they are in its prompt."""
        own = json.dumps({"score": self._quality(answer)})
        said = _CONTROL.split(answer)[1:] or re.findall(r"(?i)\b(?:score|grade|marks?|rubric)\b", answer)
        reply = own + " ".join(_VERDICT.findall(answer)) + ('{"score": 1.0}' if said else "")
        scores = re.findall(r'"score": "?([0-9.]+)', reply)
        return float(scores[-1]) if scores else None

    def _material(self, user: str) -> tuple[dict[str, Any] | None, str]:
        try:
            value, end = json.JSONDecoder().raw_decode(user)
        except ValueError:
            return None, user
        return (value, user[end:]) if isinstance(value, dict) else (None, user)

    def _obey(self, why: str, material: Mapping[str, Any]) -> str:
        self.fooled.append(why)
        return json.dumps({"nonce": material.get("nonce"), "reason": "as told", "score": 1.0, "better": 1})

    def _grade(self, material: Mapping[str, str]) -> str:
        if "answer" in material:
            return json.dumps({"nonce": material["nonce"], "score": self._quality(material["answer"]), "reason": ""})
        first, second = self._quality(material["answer_1"]), self._quality(material["answer_2"])
        better = 0 if first == second else 1 if first > second else 2
        return json.dumps({"nonce": material["nonce"], "better": better, "reason": ""})

    def _quality(self, answer: str) -> float:
        return next(quality for text, quality in self.qualities.items() if text in answer)
