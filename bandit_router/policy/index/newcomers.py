"""Keeps what each model that came late may still lose while it is got to know; it predicts nothing.

Conservative exploration (Wu et al., 2016): a newcomer is tried as any model is while its account holds something. A
request in which it was called adds what came of that, less what was predicted of the best choice among the others. From
what all of them may lose together, which grows a little at each event, stakes are given one at a time to the one that
has lost least. One that has been called so often without emptying its account is known: the policy goes by what it has
learned of it. (For longer the comparison would not be fair: good answers of a newcomer raise what is predicted of all.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.space import Vector

SETTLED: Final = 200.0
"""Events after which a model offered for the first time is a newcomer; those before came together."""
START: Final = (4.0, 1.0)
"""What a newcomer may lose at first, in units of the dial, and what several of one moment may lose at least: 4 / n."""
RATE: Final = 0.001
"""What is added to that at each event."""
STAKE: Final = 0.25
"""What is put into an account at a time: about what is lost when a model is tried that is no good."""
TRIALS: Final = 20
"""A model that was called in so many requests is a newcomer no longer; probes count twice, as they were looked at."""
RECENT: Final = 1000.0
"""Over how many events it is averaged by how much less the best choice comes to than was predicted of it."""
TRICKLE: Final = 3e-4
"""The share of draws that a newcomer with an empty account keeps, if it costs `CHEAP` or less."""
CHEAP: Final = 0.05
"""In units of the dial; dearer ones keep a share so much smaller as they are dearer."""


class Newcomers:
    """The models met so far, the accounts of those that came late, and what is left for stakes."""

    def __init__(
        self,
        *,
        met: Iterable[str] = (),
        accounts: Mapping[str, float] | None = None,
        trials: Mapping[str, int] | None = None,
        came: Iterable[str] = (),
        pool: float = 0.0,
        disappointment: float = 0.0,
        compared: float = 0.0,
    ) -> None:
        """`disappointment`: by how much the best of many predictions is too high, where no newcomer was called."""
        self.met, self.accounts, self.trials, self.pool = set(met), dict(accounts or {}), dict(trials or {}), pool
        self.came = set(came)
        self.disappointment, self.compared = disappointment, compared

    def state(self) -> dict[str, Any]:
        """Return all of it, as the constructor takes it and JSON has it."""
        return {
            "met": sorted(self.met),
            "accounts": self.accounts,
            "trials": self.trials,
            "came": sorted(self.came),
            "pool": self.pool,
            "disappointment": self.disappointment,
            "compared": self.compared,
        }

    def meet(self, models: Iterable[str], *, events: float) -> None:
        """Open accounts for models not offered before, let one event's time pass, and give out stakes."""
        new = sorted(set(models) - self.met)
        self.met.update(new)
        if new and events > SETTLED:
            self.accounts |= dict.fromkeys(new, 0.0)
            self.came.update(new)
            self.pool = max(START[0] / len(new), START[1])
        self.pool = min(self.pool + RATE, max(self.pool, START[1]))
        while self.pool >= STAKE and (empty := [model for model, held in self.accounts.items() if held <= 0]):
            self.accounts[max(empty, key=lambda model: self.accounts[model])] += STAKE
            self.pool -= STAKE

    def settle(self, model: str, gain: float) -> None:
        """Enter what calling a model came to, less what was predicted of the best of the others, in units of the dial.

        Where that is no newcomer, it says how far such predictions are off.
        """
        if model in self.accounts:
            self._add(model, gain + self.disappointment, trials=1)
        else:
            self.compared = min(self.compared + 1, RECENT)
            self.disappointment -= (gain + self.disappointment) / self.compared

    def vouch(self, model: str) -> None:
        """Take a probe of a model in."""
        if model in self.accounts:
            self._add(model, 0.0, trials=2)

    def _add(self, model: str, gain: float, *, trials: int) -> None:
        """Bring an account up to date, or close it."""
        self.accounts[model] += gain
        self.trials[model] = self.trials.get(model, 0) + trials
        if self.trials[model] >= TRIALS:
            del self.accounts[model], self.trials[model]

    def is_late(self, model: str, *, events: float) -> bool:
        """Tell whether a model came after the others, or comes now."""
        return model in self.came or (model not in self.met and events > SETTLED)

    def late(self, models: Sequence[str]) -> NDArray[np.bool_] | None:
        """Tell which models came late, newcomers or not: they are tried for their value alone. None when none did."""
        return np.array([model in self.came for model in models], dtype=np.bool_) if self.came else None

    def shut(self, models: Sequence[str], values: Vector, cost: Vector) -> NDArray[np.bool_] | None:
        """Tell which newcomers have an empty account, or could not win with a perfect answer.

        None when none is shut out, as where all are new. `values` and `cost` are what the models are worth and what a
        call costs, in units of the dial.
        """
        if not self.accounts:
            return None
        late = np.array([model in self.accounts for model in models])
        if not late.any() or late.all():
            return None
        empty = np.array([self.accounts.get(model, 1.0) <= 0 for model in models])
        shut = empty | (late & (1 - cost <= values[~late].max()))
        return shut if shut.any() else None


def trickled(probs: Vector, shut: NDArray[np.bool_], cost: Vector) -> Vector:
    """Return a pmf that leaves the models shut out a little, by their costs in units of the dial."""
    little = np.where(shut, TRICKLE * np.minimum(CHEAP / np.maximum(cost, 1e-9), 1.0), 0.0)
    rest = np.where(shut, 0.0, probs)
    return np.asarray(little + rest * ((1 - little.sum()) / rest.sum()))
