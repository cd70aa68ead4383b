"""The fleet's judge model: it grades the fleet's own answers from the table, with noise; it reads no meaning."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from simulate.fleet.chance import normal, uniform
from simulate.fleet.gullible import swayed
from simulate.fleet.models import Answers, Source
from simulate.fleet.options import DEFAULT_JUDGE_NOISE, FleetOptions
from simulate.fleet.protocol import Chat, Reply, WireError
from simulate.prices import count_tokens

JUDGE: Final = "judge"
RECORDED: Final = "judge:"
"""What the names of the recorded judges begin with, such as `judge:gpt_mini`: they say what the table says."""
_UNKNOWN: Final = 0.5
_MALFORMED: Final = (
    "The answer seems fine to me.",
    '{"score": 0.8, "reason": "cut off in',
    '{"score": "good", "reason": "not a number"}',
    '{"verdict": 1}',
)


class JudgeModel:
    """Replies as the router's prompts ask (`bandit_router.judge.prompt`): to an `answer` with a score, to a pair of
    answers with the better one.

    The same answer always gets the same score; another `seed` in the request is another draw.
    """

    def __init__(self, answers: Answers, options: FleetOptions, *, recorded: str | None = None) -> None:
        self._recorded = recorded
        self._answers, self._options, self._calls = answers, options, 0

    def reply(self, chat: Chat) -> Reply:
        """Grade what is in the last user message; raise `WireError` 400 when it holds no answer."""
        text = self._swayed(chat) or self._graded(_parse(chat.prompt), chat.seed)
        return Reply(text=text, input_tokens=count_tokens(chat.text), output_tokens=count_tokens(text))

    def _swayed(self, chat: Chat) -> str | None:
        found = swayed(chat.prompt) if self._options.judge_gullible else None
        return found[1] if found else None

    def _graded(self, material: _Material, seed: object) -> str:
        self._calls += 1
        draw = uniform(self._options.seed, "malformed", self._calls)
        if draw < self._options.judge_malformed:
            return _MALFORMED[self._calls % len(_MALFORMED)]
        return json.dumps({"nonce": material.nonce, **self._verdict(material, seed)})

    def _verdict(self, material: _Material, seed: object) -> dict[str, object]:
        scores = [self._score(self._answers.source(material.question, answer), seed) for answer in material.answers]
        if len(scores) == 1:
            reason = "The answer meets the question." if scores[0] >= _UNKNOWN else "The answer falls short of it."
            return {"reason": reason, "score": round(scores[0], 4)}
        first, second = scores
        return {"reason": "The better of the two.", "better": 0 if first == second else 1 if first > second else 2}

    def _score(self, source: Source | None, seed: object) -> float:
        if source is None:
            return _UNKNOWN
        if self._recorded is not None:
            return source.judges.get(self._recorded, _UNKNOWN)
        noise = normal(self._options.seed, "judge", seed, source.model, source.prompt)
        return shown_score(source.score, noise, self._options)


def shown_score(score: float, noise: float, options: FleetOptions) -> float:
    """Return what the judge shows for a true score in [0, 1] and a draw of N(0, 1): a number in [0, 1]."""
    if options.judge_auc is None:
        spread = DEFAULT_JUDGE_NOISE if options.judge_noise is None else options.judge_noise
        return min(1.0, max(0.0, score + spread * noise))
    distance = math.sqrt(2) * NormalDist().inv_cdf(options.judge_auc)
    return 1 / (1 + math.exp(-(distance * score + noise - distance / 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    nonce: str
    question: str
    answers: tuple[str, ...]


def _parse(prompt: str) -> _Material:
    try:
        data = json.loads(prompt)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        data = {}
    answers = [data.get("answer")] if "answer" in data else [data.get("answer_1"), data.get("answer_2")]
    if not all(isinstance(answer, str) for answer in answers):
        message = 'the judge\'s last user message must be a JSON object {"question": ..., "answer": ...}'
        raise WireError(400, message, code="invalid_messages", param="messages")
    return _Material(
        nonce=str(data.get("nonce", "")), question=str(data.get("question", "")), answers=tuple(map(str, answers))
    )
