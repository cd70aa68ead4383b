"""Decisions of one step as whole columns, and what policies that need no context make of them; it reads no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.leaning import Draws, add_up
from bandit_router.policy.spec import MixtureSpec, Spec, StaticSpec
from bandit_router.replay.facts import Cell, Facts, Named
from bandit_router.replay.features import Features, Leanings
from bandit_router.replay.row import ROUNDING
from bandit_router.replay.taken import Taken
from bandit_router.replay.targets import Target

Vector = NDArray[np.float64]
_DEAREST: Final = "@dearest"
_CHEAPEST: Final = "@cheapest"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """n decisions of one step and one attempt, a actions in all, each decision's next to each other."""

    at: Vector
    ids: NDArray[np.uint64]
    value_usd: Vector
    waited: Vector
    cost_usd: Vector
    judges_usd: Vector
    quality: Vector
    share: Vector
    asked: NDArray[np.bool_]
    known: NDArray[np.bool_]
    category: Named
    start: NDArray[np.intp]
    """(n) where each decision's actions begin."""
    drawn: NDArray[np.intp]
    """(n) which of the a actions was drawn."""
    owner: NDArray[np.intp]
    """(a) whose decision an action is of."""
    model: Named
    """(a)"""
    tier: NDArray[np.int64]
    expected_usd: Vector
    pmf: Vector
    propensity: Vector
    """(n) as logged, which should be the pmf's entry."""
    carried: dict[str, Vector]
    features: Features | None = None
    """What was known of them before, where that was read."""

    def facts(self) -> Facts:
        """Return the facts."""
        return Facts(
            ids=self.ids,
            at=self.at.astype(np.uint32),
            value_usd=self.value_usd.astype(np.float32),
            waited=self.waited.astype(np.float32),
            cost_usd=self.cost_usd,
            quality=self.quality.astype(np.float32),
            share=self.share.astype(np.float32),
            asked=self.asked,
            category=self.category,
            start=Named(codes=self.model.codes[self.drawn], names=self.model.names),
            cells=self._cells(),
            unknown=int((~self.known).sum()),
            mismatched=int((np.abs(self.propensity - self.pmf[self.drawn]) > ROUNDING).sum()),
            leanings=self._leanings(),
        )

    def itself(self) -> Taken | None:
        """Return the logging policy as a target of its own log; see `taken.itself`."""
        sampled = (self.share > 0) & (self.share < 1) & self.asked
        if not sampled.any():
            return None
        cost = np.where(sampled, self.cost_usd - self.judges_usd * (1 - self.share), np.nan)
        return Taken(weight=np.ones(len(self.share)), cost_usd=cost)

    def taken(self, target: Target) -> Taken | None:
        """Return what a target would have made of them, None for one whose probabilities need contexts."""
        if target.column:
            if target.name not in self.carried or np.isnan(self.carried[target.name]).any():
                return None
            weight = self.carried[target.name] / self.pmf[self.drawn]
            return Taken(weight=weight, bound=float(weight.max(initial=1.0)))
        found = self._probs(target.specs[target.name], target)
        if found is None:
            return None
        probs, judge = found
        ratio = np.divide(probs, self.pmf, out=np.zeros_like(probs), where=self.pmf > 0)
        lost = np.add.reduceat(np.where(self.pmf <= 0, probs, 0.0), self.start)
        weight, asked = ratio[self.drawn], judge[self.drawn]
        sampled = (self.share > 0) & (self.share < 1)
        part = np.where(self.asked, asked, 1.0)
        side = np.ones(len(weight))
        np.divide(asked, self.share, out=side, where=sampled & self.asked)
        np.divide(1 - asked, 1 - self.share, out=side, where=sampled & ~self.asked)
        return Taken(
            weight=weight,
            full=weight * side if sampled.any() else None,
            cost_usd=self.cost_usd - self.judges_usd * (1 - part) if self.judges_usd.any() else None,
            full_cost_usd=self.cost_usd - self.judges_usd * np.where(sampled, 0.0, 1 - part)
            if self.judges_usd.any()
            else None,
            bound=float(ratio.max(initial=1.0)),
            lost=float(lost.sum()),
            lost_rows=int((lost > 1e-9).sum()),
        )

    def _probs(self, spec: Spec, target: Target) -> tuple[Vector, Vector] | None:
        """Return the target's pmf (a) and its P(judged | action) (a), None for a kind that looks at contexts."""
        if isinstance(spec, StaticSpec):
            return self._static(spec)
        if not isinstance(spec, MixtureSpec):
            return None
        total = sum(component.weight for component in spec.components)
        probs, judge = np.zeros(len(self.pmf)), np.zeros(len(self.pmf))
        for component in spec.components:
            part = self._probs(target.specs[component.policy], target)
            if part is None:
                return None
            probs += component.weight / total * part[0]
            judge += component.weight / total * part[0] * part[1]
        judge = np.divide(judge, probs, out=np.ones_like(judge), where=probs > 0)
        return self._floored(probs, spec.min_exploration), judge

    def _static(self, spec: StaticSpec) -> tuple[Vector, Vector]:
        judge = np.full(len(self.pmf), spec.min_judging)
        return self._floored(self._one(spec), spec.min_exploration), judge

    def _one(self, spec: StaticSpec) -> Vector:
        """Return 1 at the action that a static policy takes in each decision."""
        if spec.model == _DEAREST:
            order = np.lexsort((np.arange(len(self.pmf)), -self.tier, -self.expected_usd, self.owner))
        else:
            names = np.argsort(np.argsort(np.array(self.model.names)))[self.model.codes]
            keys: list[Any] = [names, self.tier, self.expected_usd]
            if spec.model != _CHEAPEST:
                keys = self._substitutes(spec, names)
            order = np.lexsort((*keys, self.owner))
        probs = np.zeros(len(self.pmf))
        probs[order[self.start]] = 1.0
        return probs

    def _substitutes(self, spec: StaticSpec, names: NDArray[np.intp]) -> list[Any]:
        """Return keys that put the model first, then the cheapest of the lowest tier from its own, then those below."""
        places = {name: code for code, name in enumerate(self.model.names)}
        wanted = self.model.codes == places.get(spec.model, -1)
        highest = np.maximum.reduceat(self.tier, self.start)[self.owner]
        wanted_tier = highest if spec.tier is None else np.full(len(self.tier), spec.tier)
        below = self.tier < wanted_tier
        near = np.where(below, -self.tier, self.tier)
        return [names, self.expected_usd, near, below, ~wanted]

    def _floored(self, probs: Vector, share: float) -> Vector:
        if share <= 0:
            return probs
        count = np.diff(np.append(self.start, len(probs)))[self.owner]
        return (1 - share) * probs + share / count

    def _leanings(self) -> Leanings:
        if self.features is None:
            return {}
        at = np.flatnonzero(self.known[self.owner])
        draws = Draws(
            actions=self.model.names,
            code=self.model.codes[at],
            row=self.owner[at],
            probability=self.pmf[at],
            drawn=np.isin(at, self.drawn).astype(np.float64),
        )
        return add_up(draws, self.features.values, self.features.names)

    def _cells(self) -> dict[Cell, tuple[float, float, float]]:
        known = self.known[self.owner]
        width = len(self.model.names)
        place = self.category.codes[self.owner].astype(np.int64) * width + self.model.codes
        drawn = np.zeros(len(self.pmf))
        drawn[self.drawn] = 1.0
        size = width * len(self.category.names)
        sums = [
            np.bincount(place, weights=np.where(known, values, 0.0), minlength=size)
            for values in (drawn, self.pmf, self.pmf * (1 - self.pmf))
        ]
        there = np.flatnonzero(np.bincount(place, weights=known.astype(float), minlength=size))
        return {
            (self.category.names[cell // width], self.model.names[cell % width]): (
                float(sums[0][cell]),
                float(sums[1][cell]),
                float(sums[2][cell]),
            )
            for cell in there.tolist()
        }
