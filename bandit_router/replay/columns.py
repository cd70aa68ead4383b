"""The fast way through a row group of one-step decisions: whole columns, for policies that need no context."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.load import PINNED
from bandit_router.policy.spec import MixtureSpec, Spec, StaticSpec
from bandit_router.replay.facts import Cell, Facts, Named, hashed
from bandit_router.replay.files import parquet
from bandit_router.replay.row import TARGET_PROB
from bandit_router.replay.taken import Taken
from bandit_router.replay.targets import Target

Vector = NDArray[np.float64]
_DEAREST: Final = "@dearest"
_CHEAPEST: Final = "@cheapest"
_NEEDED: Final = (
    "id",
    "created_at",
    "policy",
    "value_usd",
    "value_s",
    "propensities",
    "context.category",
    "steps",
    "attempts",
    "served",
    "latency_s",
    "cost_usd",
    "feedback",
)


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
    carried: dict[str, Vector]

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
            if target.name not in self.carried:
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


def simple_group(path: Path, number: int, since: datetime | None, until: datetime | None) -> Columns | None:
    """Return a row group's columns, None where any decision has more than one step or a history that needs reading."""
    file = parquet(path)
    carried = [name for name in file.schema_arrow.names if name.startswith(TARGET_PROB)]
    table = file.read_row_group(number, columns=[*_NEEDED, *carried], use_threads=False)
    n = table.num_rows
    if since or until:
        times = table["created_at"].to_pylist()
        if not all((since is None or at >= since) and (until is None or at < until) for at in times):
            return None
    steps, attempts, said = (table[name].combine_chunks() for name in ("steps", "attempts", "feedback"))
    if not n or len(steps.flatten()) != n or len(attempts.flatten()) != n or _more_than_one(said):
        return None
    return _read(table, steps.flatten(), attempts.flatten(), (said, carried))


def _more_than_one(said: Any) -> bool:
    """Return whether any feedback needs more than its score taken: several, too late to count, or of its own kind."""
    counts, each = np.diff(_numbers(said.offsets)), said.flatten()
    uncounted = each.field("seq").null_count or each.field("late").null_count or _flags(each.field("late")).any()
    kinds = each.field("kind").unique().to_pylist()
    return bool((counts > 1).any() or uncounted) or any(kind not in ("score", "label", "thumbs") for kind in kinds)


def _read(table: Any, step: Any, attempt: Any, rest: tuple[Any, list[str]]) -> Columns | None:
    said, carried = rest
    served = table["served"].combine_chunks()
    policies = table["policy"].unique().to_pylist()
    actions = step.field("actions")
    offsets = _numbers(actions.offsets).astype(np.intp)
    pmfs, judge = step.field("pmf"), step.field("judge")
    sizes, judged = np.diff(offsets), np.diff(_numbers(judge.offsets))
    plain = np.array_equal(np.diff(_numbers(pmfs.offsets)), sizes) and bool(
        (judged == 0).all() | (judged == sizes).all()
    )
    if PINNED in policies or not plain or step.null_count or attempt.null_count:
        return None
    start = offsets[:-1] - offsets[0]
    drawn = start + _numbers(step.field("chosen")).astype(np.intp)
    action = actions.flatten()
    ok = ~_nulls(served)
    sat = _flags(attempt.field("judged"))
    judges, paid = attempt.field("judgements"), np.zeros(len(ok))
    np.add.at(paid, _owners(judges), _numbers(judges.flatten().field("cost_usd")))
    chance = _numbers(judge.flatten())[drawn] if bool((judged == sizes).all()) else np.ones(len(ok))
    heard = np.full(len(ok), np.nan)
    heard[_owners(said)] = _numbers(said.flatten().field("score"))
    quality = np.where(np.isnan(heard), _numbers(attempt.field("quality")), heard)
    value_s = _numbers(table["value_s"].combine_chunks())
    latency = _numbers(table["latency_s"].combine_chunks())
    category = table["context"].combine_chunks().field("category").dictionary_encode()
    model = action.field("model").dictionary_encode()
    return Columns(
        at=_numbers(table["created_at"].combine_chunks().cast("int64")) / 1e6,
        ids=hashed(table["id"].to_pylist()),
        value_usd=_numbers(table["value_usd"].combine_chunks()),
        waited=np.where(np.isnan(value_s), 0.0, latency / np.where(np.isnan(value_s), 1.0, value_s)),
        cost_usd=_numbers(table["cost_usd"].combine_chunks()),
        judges_usd=np.where(ok, paid, 0.0),
        quality=np.where(ok, quality, 0.0),
        share=np.where(ok, chance, 1.0),
        asked=np.where(ok, sat, True),
        known=_flags(table["propensities"].combine_chunks()),
        category=_named(category),
        start=start,
        drawn=drawn,
        owner=np.repeat(np.arange(len(ok)), sizes),
        model=_named(model),
        tier=_numbers(action.field("tier")).astype(np.int64),
        expected_usd=_numbers(action.field("cost_usd")),
        pmf=_numbers(pmfs.flatten()),
        carried={name.removeprefix(TARGET_PROB): _numbers(table[name].combine_chunks()) for name in carried},
    )


def _numbers(array: Any) -> Vector:
    """Return an Arrow array of numbers, NaN where there is none."""
    found: Vector = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found


def _flags(array: Any) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _nulls(array: Any) -> NDArray[np.bool_]:
    return _flags(array.is_null())


def _owners(lists: Any) -> NDArray[np.intp]:
    """Return for each entry of lists whose it is."""
    return np.repeat(np.arange(len(lists)), np.diff(_numbers(lists.offsets)).astype(np.intp))


def _named(array: Any) -> Named:
    names = tuple(array.dictionary.to_pylist())
    return Named(codes=_numbers(array.indices).astype(np.int32), names=names)
