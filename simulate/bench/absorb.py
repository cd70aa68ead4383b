"""Keeps count of models that come late and are probed before they take requests, by the service's own rules.

As there, a few are probed at a time, each request is answered by one of them at most, beside what the user gets, and
a day's money for that is limited. What is predicted and what is answered is the replay's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from bandit_router.registry.life import SIDE_BY_SIDE
from bandit_router.registry.probation import GIVEN_UP, IDLE, LOOKS, TRIES, conclusion, could_win, is_quiet
from bandit_router.settings import AsideSettings
from bandit_router.types import Action, Comparison, Decision, Outcome, Prospect, Quiet

DAILY_USD: Final = AsideSettings().probe_usd_per_day


@dataclass(slots=True, kw_only=True)
class Probed:
    """What became of one model that came late."""

    quiet: Quiet
    comparisons: list[Comparison] = field(default_factory=list)
    prospects: list[Prospect] = field(default_factory=list)
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """How probing a model ended, after which query; the reason and the numbers as the service gives them."""

    query: int
    model: str
    lets_in: bool
    reason: str
    probes: int
    cost_usd: float


class Absorption:
    """The models met, those that are probed and those that wait for it, by their places in the world."""

    def __init__(self, *, probes: int, seed: int) -> None:
        """`probes` is how many are compared at most; with 0 every model takes requests as soon as it comes."""
        self.ended: list[Absorbed] = []
        self._most, self._rng = probes, np.random.default_rng([seed, 4])
        self._met: set[int] = set()
        self._waiting: list[int] = []
        self._probing: dict[int, Probed] = {}
        self._turned_down: set[int] = set()
        self._day, self._spent = datetime.min.date(), 0.0

    def meet(self, present: Iterable[int]) -> None:
        """Take up the models of a phase; those that come after the first phase are newcomers."""
        new = [model for model in present if model not in self._met]
        if self._met and self._most:
            self._waiting += new
        self._met.update(new)

    @property
    def away(self) -> frozenset[int]:
        """The models that may not take requests."""
        return frozenset((*self._waiting, *self._probing, *self._turned_down))

    def due(self, now: datetime) -> int | None:
        """Return a model that needs a probe, beside one request."""
        self._begin(now)
        if now.date() != self._day:
            self._day, self._spent = now.date(), 0.0
        most = TRIES * LOOKS * self._most
        found = [model for model, probed in self._probing.items() if len(probed.comparisons) < most]
        return found[int(self._rng.integers(len(found)))] if found and self._spent < DAILY_USD else None

    def is_worth(
        self,
        model: int,
        found: tuple[Mapping[str, float], float] | None,
        actions: Sequence[Action],
        decision: Decision,
        outcome: Outcome,
    ) -> bool:
        """Tell whether a model could change what is decided on a query; `found` is what is predicted of it."""
        if found is None:
            return outcome.quality is not None
        (action,) = (action for action in actions if action.tier == model)
        best = max(value for name, value in found[0].items() if name != action.model)
        probed, category = self._probing[model], decision.context.category
        made = len(probed.comparisons)
        probed.prospects.append(Prospect(made=made, category=category, gain=found[0][action.model] - best))
        return could_win(found[1], best, cost=action.cost_usd / decision.value_usd, made=made)

    def pass_by(self) -> None:
        """Count a request for all that are probed; the one that is probed with it is told of that afterwards."""
        for probed in self._probing.values():
            probed.quiet = Quiet(since=probed.quiet.since, requests=probed.quiet.requests + 1)

    def note(self, model: int, probe: Outcome, decision: Decision, outcome: Outcome) -> None:
        """Enter a probe with a query that was decided and answered so."""
        probed = self._probing[model]
        probed.comparisons.append(_compared(probe, decision, outcome))
        probed.quiet = Quiet(since=decision.created_at, requests=0)
        probed.cost_usd += probe.cost_usd
        self._spent += probe.cost_usd

    def conclude(self, query: int, now: datetime, names: tuple[str, ...]) -> None:
        """Let in or turn down whom the probes so far allow to."""
        for model, probed in list(self._probing.items()):
            over = probed.quiet.requests if is_quiet(probed.quiet, now, span=GIVEN_UP) else 0
            found = conclusion(probed.comparisons, most=self._most, passed_over=over, prospects=probed.prospects)
            if found is None:
                continue
            del self._probing[model]
            if not found.lets_in:
                self._turned_down.add(model)
            self.ended.append(
                Absorbed(
                    query=query,
                    model=names[model],
                    lets_in=found.lets_in,
                    reason=found.reason,
                    probes=len(probed.comparisons),
                    cost_usd=probed.cost_usd,
                )
            )

    def _begin(self, now: datetime) -> None:
        """Begin to probe those whose turn it is; one that no request is worth a probe of takes no place."""
        taken = sum(not is_quiet(probed.quiet, now, span=IDLE) for probed in self._probing.values())
        for model in self._waiting[: max(SIDE_BY_SIDE - taken, 0)]:
            self._waiting.remove(model)
            self._probing[model] = Probed(quiet=Quiet(since=now, requests=0))


def _compared(probe: Outcome, decision: Decision, outcome: Outcome) -> Comparison:
    """Return a probe beside what the user got: as judged, else as it was predicted at the start."""
    (judged,), (step,), start = probe.history, probe.steps, decision.step
    baseline: float | None = None
    if outcome.quality is not None:
        baseline = outcome.quality - outcome.cost_usd / decision.value_usd
    elif start.pmf.predicted:
        baseline = start.pmf.predicted[start.chosen]
    expected = list(step.pmf.predicted)
    ours = expected.pop(step.chosen) if expected else None
    others = [value for value in expected if value is not None]
    return Comparison(
        category=decision.context.category,
        quality=judged.quality,
        cost=judged.attempt.cost_usd / decision.value_usd,
        judging=(judged.cost_usd - judged.attempt.cost_usd) / decision.value_usd,
        baseline=baseline,
        gain=None if ours is None or not others else ours - max(others),
    )
