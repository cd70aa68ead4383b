"""A world of queries drawn from a law that is known, so that a log of it can be checked; it replays nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from bandit_router.policy.load import build
from bandit_router.policy.spec import KINDS, Spec
from bandit_router.protocols import Policy
from bandit_router.replay.record import Record, Said
from bandit_router.reward.utility import reward
from bandit_router.types import Context, Decision, Feedback, Outcome
from simulate.bench.judges import parse_judge
from simulate.bench.record import Run
from simulate.bench.replay import Replay
from simulate.bench.stream import Setting, Stream, make_stream
from simulate.bench.world import World

MODELS = ("small", "medium", "large")
COST_USD = (0.0002, 0.001, 0.004)
SKILL = ((0.85, 0.9, 0.95), (0.5, 0.75, 0.9), (0.15, 0.4, 0.85))
"""P(good) by category and model, on average over how hard a query is."""
CATEGORIES = ("chat", "code", "maths")
VALUE_USD = 0.01
JUDGE_USD = 0.0001

SPECS: Mapping[str, Mapping[str, object]] = {
    "cheap": {"kind": "static", "model": "@cheapest", "min_exploration": 0.1, "min_judging": 0.3},
    "climber": {"kind": "fixed_cascade", "thresholds": 0.6, "min_exploration": 0.2, "min_judging": 0.3},
    "bold": {"kind": "fixed_cascade", "thresholds": 0.3, "start": 1, "min_exploration": 0.2},
    "spread": {"kind": "learned", "climb": True, "thresholds": 0.5, "warm_up": 10**9, "min_judging": 0.5},
    "live": {
        "kind": "mixture",
        "components": [
            {"policy": "cheap", "weight": 0.25},
            {"policy": "climber", "weight": 0.25},
            {"policy": "bold", "weight": 0.2},
            {"policy": "spread", "weight": 0.3},
        ],
    },
    "dear": {"kind": "static", "model": "large", "min_judging": 0.2},
    "careful": {"kind": "fixed_cascade", "thresholds": 0.55, "start": 0, "min_judging": 0.1},
    "even": {"kind": "learned", "climb": False, "warm_up": 10**9},
    "level": {"kind": "learned", "climb": False, "warm_up": 10**9, "min_judging": 1.0},
}
TARGETS = ("dear", "careful", "even")
"""Policies that were not run: none of them is a part of the logging mixture."""


def specs() -> dict[str, Spec]:
    """Return the policies of the check by name."""
    return {name: KINDS[str(keys["kind"])].model_validate({**keys, "name": name}) for name, keys in SPECS.items()}


def policy(name: str) -> Policy:
    """Build one of them."""
    return build(specs(), {}, reward=reward)[name]


def make_world(n: int, seed: int) -> World:
    """Draw n queries: how hard each is moves all models' answers alike, so that failures come together.

    The judge is right: what is checked is replay.
    """
    rng = np.random.default_rng([seed, 11])
    category = rng.integers(0, len(CATEGORIES), n)
    hard = rng.normal(0, 0.25, n)
    chance = np.clip(np.array(SKILL)[category] - hard[:, None], 0.02, 0.98)
    good = rng.random((n, len(MODELS))) < chance
    scores = np.where(good, rng.beta(8, 2, good.shape), rng.beta(2, 8, good.shape))
    costs = np.array(COST_USD) * rng.uniform(0.5, 1.5, (n, 1))
    return World(
        models=MODELS,
        categories=tuple(CATEGORIES[c] for c in category),
        contexts={row: _context(row, CATEGORIES[category[row]], float(hard[row])) for row in range(n)},
        scores=scores,
        costs=costs,
        expected=np.broadcast_to(np.array(COST_USD), costs.shape).copy(),
        prices=np.ones((len(MODELS), 2)) * 1e-6,
        tokens=np.ones((n, len(MODELS), 2), dtype=np.int64),
        judge=parse_judge("recorded"),
        judges=("exact",),
        recorded=scores[:, :, None],
    )


def _context(row: int, category: str, hard: float) -> Context:
    return Context(
        category=category,
        confidence=0.9,
        surface={"length": round(hard, 2)},
        embedding=np.zeros(0, dtype=np.float32),
        key=str(row),
    )


def setting(rows: int, *, judge_usd: float = JUDGE_USD) -> Setting:
    """Return what holds for every policy."""
    return Setting(value_usd=VALUE_USD, judge_cost_usd=judge_usd, rows=rows, max_attempts=3)


class Logging(Replay):
    """Plays a policy and keeps what the service would have logged."""

    def __init__(self, world: World, stream: Stream, rows: int, *, judge_usd: float = JUDGE_USD) -> None:
        super().__init__(world, setting(rows, judge_usd=judge_usd), stream, [])
        self.records: list[Record] = []

    def _teach(self, decision: Decision, outcome: Outcome, *, score: float | None) -> None:
        super()._teach(decision, outcome, score=score)
        seq, said = self._seq, ()
        if score is not None:
            later = decision.created_at + timedelta(minutes=1)
            given = Feedback(id=f"f{decision.id}", decision_id=decision.id, score=score, received_at=later)
            seq, said = self._seq - 1, (Said(seq=self._seq, feedback=given),)  # type: ignore[assignment]
        self.records.append(Record(seq=seq, decision=decision, outcome=outcome, feedback=said))


def log_of(name: str, *, rows: int, seed: int, judge_usd: float = JUDGE_USD) -> tuple[list[Record], Run]:
    """Return the log of a policy in a world of its own draw, and what truly became of every query."""
    world = make_world(rows, seed)
    stream = make_stream(world, setting(rows), seed)
    played, one = Logging(world, stream, rows, judge_usd=judge_usd), policy(name)
    tally = played.play(lambda _: one, lambda _: None)
    return played.records, tally.run(name, "check", seed)
