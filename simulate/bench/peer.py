"""Plays the PyPI package `paretobandit` on a stream, as it ships and with its own budget pacer; it tunes nothing in it.

What it is given: list prices, the panel's quality of every answer as its reward (the true score where feedback comes),
and what the answer and its judging cost as its spend. Its own features need a sentence encoder that is downloaded at
first use, so it gets vectors of the shape its own pipeline makes, by the way its README offers to those who bring their
own embeddings: 25 whitened principal components and a bias. They are made from the contexts' embeddings, the components
fitted to all prompts of the stream in advance, which is to its advantage. Its shipped priors belong to that encoder and
three models, so it starts cold (`priors="none"`), and as in its own demonstration of budgets the static cost penalty is
off, so that the pacer alone weighs cost.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

import numpy as np

from bandit_router.errors import ConfigError
from simulate.bench.entrants import Entrant
from simulate.bench.judges import Floats
from simulate.bench.record import Tally
from simulate.bench.stream import Block, Setting, Stream, outcomes
from simulate.bench.world import Tick, World

PEERS: Final = ("paretobandit",)
COMPONENTS: Final = 25
PER_MILLION: Final = 1e6


def peer_entrants(peer: str | None, budgets: Sequence[float]) -> list[Entrant]:
    """Return one entrant a budget (USD a request); raise `ConfigError` when the peer is unknown or not installed."""
    if peer is None:
        if budgets:
            raise ConfigError("--peer-budget is a peer's; add --peer paretobandit")
        return []
    if peer not in PEERS:
        raise ConfigError(f"--peer: none is called {peer!r}; known: {', '.join(PEERS)}")
    if not budgets or min(budgets) <= 0:
        raise ConfigError("--peer needs budgets above 0, in USD a request: add --peer-budget 0.0003")
    _package()
    return [Entrant(name=f"{peer}@{budget:g}", kind="peer", budget_usd=budget) for budget in budgets]


def play_peer(world: World, setting: Setting, stream: Stream, budget_usd: float, *, tick: Tick) -> Tally:
    """Return what became of every query."""
    tally = Tally()
    with _quiet():
        match_ = _Match(world, stream, budget_usd)
        for phase in stream.phases:
            dropped = tally.most_served(min(len(stream.order) // 4, phase.start)) if phase.drop else None
            tally.dropped.append(dropped)
            match_.play(outcomes(world, stream, phase, dropped=dropped), setting, tally)
            tick(phase.stop - phase.start)
    return tally


class _Match:
    """The package's router on one stream."""

    def __init__(self, world: World, stream: Stream, budget_usd: float) -> None:
        package, pacing = _package(), _package("pareto_bandit.budget_pacer")
        self._world, self._stream, self._features = world, stream, features(world, stream)
        self._router: Any = package.BanditRouter.create(
            model_registry={name: self._price(name, 1.0) for name in self._names(stream.phases[0].absent)},
            feature_service=package.FeatureService.for_precomputed(self._features.shape[1]),
            priors="none",
            cost_penalty=0.0,
            budget_pacer=pacing.BudgetPacer(target_avg_spend_usd=budget_usd),
            bandit_seed=stream.seed,
        )

    def play(self, block: Block, setting: Setting, tally: Tally) -> None:
        """Route the queries of a phase one by one, telling the router of prices and models that have changed."""
        self._announce(block)
        panel, index = block.panel, {name: model for model, name in enumerate(self._world.models)}
        for place, number in enumerate(range(block.phase.start, block.phase.stop)):
            name, log = self._router.route(self._features[number])
            model = index[name]
            score = float(block.scores[place, model])
            log.cost_usd = float(block.costs[place, model]) + setting.judge_cost_usd
            reward = score if self._stream.feedback[number] else float(panel[place, model])
            self._router.process_feedback(log.request_id, reward=reward)
            tally.add(quality=score, cost_usd=log.cost_usd, start=model, served=model, attempts=1, judged=1)

    def _announce(self, block: Block) -> None:
        for name in self._names(block.phase.absent):
            if name not in self._router.registry:
                self._router.register_model(name, **self._price(name, 1.0))
        for model, factor in block.phase.price:
            name = self._world.models[model]
            self._router.update_model_pricing(name, **self._price(name, factor))

    def _names(self, absent: Sequence[int]) -> list[str]:
        return [name for model, name in enumerate(self._world.models) if model not in absent]

    def _price(self, name: str, factor: float) -> dict[str, float]:
        price = self._world.prices[self._world.models.index(name)] * factor * PER_MILLION
        return {"input_cost_per_m": float(price[0]), "output_cost_per_m": float(price[1])}


def features(world: World, stream: Stream) -> Floats:
    """Return vectors (n, components + 1): the leading principal components, each of unit variance, and a bias of 1."""
    embeddings = np.array([world.contexts[int(row)].embedding for row in stream.order], dtype=np.float64)
    centred = embeddings - embeddings.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    kept = [axis for axis in range(min(COMPONENTS, len(spread))) if spread[axis] > 1e-9 * spread[0]]
    whitened = centred @ axes[kept].T / spread[kept] * np.sqrt(len(centred))
    return np.hstack([whitened, np.ones((len(centred), 1))])


def _package(name: str = "pareto_bandit") -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError("--peer paretobandit is not installed; pip install 'bandit-router[demo]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the package's warnings, such as one for every relaxed ceiling, off the terminal."""
    logger = logging.getLogger("pareto_bandit")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
