"""What could have been reached in hindsight on the same rows and verdicts: singles, their mix, cascades, the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulate.bench.judges import Floats
from simulate.bench.record import Figures, figures, priced
from simulate.bench.stream import Block

THRESHOLDS: Final = 25
LONGEST: Final = 4
"""Models in a cascade, at most."""
WIDEST: Final = 16
"""Models that cascades are made of: with more than these, the best single ones by utility."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """The outcomes of n queries for the k models that can be called in all of them, cheapest (by mean cost) first."""

    models: tuple[int, ...]
    """Index of each column in the world."""
    scores: Floats
    costs: Floats
    panel: Floats
    judge_cost_usd: float
    value_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Models asked in order until a verdict reaches the threshold; the answer with the best verdict is served.

    Judges are paid for every answer, but with one model there is nothing to judge.
    """

    columns: tuple[int, ...]
    threshold: float
    figures: Figures


def outlook(blocks: Sequence[Block], *, judge_cost_usd: float, value_usd: float) -> Outlook:
    """Join blocks over the models present in all of them."""
    present = [model for model in blocks[0].present if all(model in block.present for block in blocks)]
    costs = np.concatenate([block.costs for block in blocks])[:, present]
    order = np.argsort(costs.mean(axis=0), kind="stable") if len(costs) else np.arange(len(present))
    return Outlook(
        models=tuple(present[column] for column in order),
        scores=np.concatenate([block.scores for block in blocks])[:, present][:, order],
        costs=costs[:, order],
        panel=np.concatenate([block.panel for block in blocks])[:, present][:, order],
        judge_cost_usd=judge_cost_usd,
        value_usd=value_usd,
    )


def best_single(view: Outlook) -> tuple[int, Figures]:
    """Return the column of the best single model by utility, and its figures."""
    found = [figures(view.scores[:, k], view.costs[:, k], view.value_usd) for k in range(len(view.models))]
    best = max(range(len(found)), key=lambda column: found[column].utility)
    return best, found[best]


def cost_matched_mix(view: Outlook, cost_usd: float) -> Figures:
    """Return the best random mix of two single models whose mean cost is `cost_usd`, clipped to what models cost.

    Mixes of two lie on the upper convex hull of the single models in the plane of cost and quality; a mean cost over
    that of the best model buys nothing more, and is not spent.
    """
    hull = _hull(list(zip(view.costs.mean(axis=0).tolist(), view.scores.mean(axis=0).tolist(), strict=True)))
    costs, qualities = [cost for cost, _ in hull], [quality for _, quality in hull]
    spent = min(max(cost_usd, costs[0]), costs[-1])
    return priced(float(np.interp(spent, costs, qualities)), spent, view.value_usd)


def best_cascade(view: Outlook) -> Cascade:
    """Search every set of up to 4 models in price order x 25 verdict quantiles as the common threshold."""
    thresholds = np.quantile(view.panel, np.linspace(0, 1, THRESHOLDS))
    columns = _candidates(view)
    bins = np.searchsorted(thresholds, view.panel, side="right")
    best, _ = best_single(view)
    found = Cascade(columns=(best,), threshold=0.0, figures=best_single(view)[1])
    for subset, quality, cost in _walk(view, bins, columns):
        utility = quality - cost / view.value_usd
        top = int(utility.argmax())
        if utility[top] > found.figures.utility:
            reached = priced(float(quality[top]), float(cost[top]), view.value_usd)
            found = Cascade(columns=subset, threshold=float(thresholds[top]), figures=reached)
    return found


def cascade_outcomes(view: Outlook, cascade: Cascade) -> tuple[Floats, Floats]:
    """Return the quality and cost (n), (n) of each query under a cascade."""
    n, columns = len(view.scores), cascade.columns
    if len(columns) == 1:
        return view.scores[:, columns[0]], view.costs[:, columns[0]]
    going, best = np.ones(n, dtype=bool), np.full(n, -1.0)
    quality, cost = np.zeros(n), np.zeros(n)
    for column in columns:
        cost[going] += view.costs[going, column] + view.judge_cost_usd
        better = going & (view.panel[:, column] >= best)
        best[better], quality[better] = view.panel[better, column], view.scores[better, column]
        going &= best < cascade.threshold
    return quality, cost


def oracle(blocks: Sequence[Block], *, value_usd: float) -> Figures:
    """Return the best true score - cost / value of a single model, query by query."""
    quality, cost = [], []
    for block in blocks:
        present, rows = list(block.present), np.arange(len(block.rows))
        scores, costs = block.scores[:, present], block.costs[:, present]
        best = (scores - costs / value_usd).argmax(axis=1)
        quality.append(scores[rows, best])
        cost.append(costs[rows, best])
    return figures(np.concatenate(quality), np.concatenate(cost), value_usd)


def _candidates(view: Outlook) -> list[int]:
    net = view.scores.mean(axis=0) - view.costs.mean(axis=0) / view.value_usd
    return sorted(int(column) for column in np.argsort(-net, kind="stable")[:WIDEST])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prefix:
    """A cascade so far: where each query stands, and the sums for every threshold were it to end with its next model.

    `top` (n) is the bin of the best verdict; `score` (n) the true score of the answer it belongs to; `stopped` and
    `paid` are summed over queries: scores of those served before, and costs of all asked.
    """

    columns: tuple[int, ...]
    top: NDArray[np.int64]
    verdict: Floats
    score: Floats
    stopped: Floats
    paid: Floats


def _walk(
    view: Outlook, bins: NDArray[np.int64], columns: list[int]
) -> Iterator[tuple[tuple[int, ...], Floats, Floats]]:
    """Yield each set of 2 to 4 models with its mean quality and cost at each threshold; sets share their prefixes.

    A verdict in bin b reaches the thresholds 0 to b - 1, so that the queries still going at threshold t are those
    whose best verdict is in a bin of at most t: cumulative sums over bins replace a pass for every threshold.
    """
    n = max(len(view.scores), 1)
    stack = [_open(view, bins, column) for column in reversed(columns)]
    while stack:
        prefix = stack.pop()
        if len(prefix.columns) > 1:
            yield prefix.columns, (prefix.stopped + _sums(prefix.top, prefix.score)) / n, prefix.paid / n
        if len(prefix.columns) < LONGEST:
            later = [column for column in columns if column > prefix.columns[-1]]
            stack += [_extend(view, bins, prefix, column) for column in reversed(later)]


def _open(view: Outlook, bins: NDArray[np.int64], column: int) -> _Prefix:
    price = float((view.costs[:, column] + view.judge_cost_usd).sum())
    top, score = bins[:, column], view.scores[:, column]
    return _Prefix(
        columns=(column,),
        top=top,
        verdict=view.panel[:, column],
        score=score,
        stopped=float(score.sum()) - _sums(top, score),
        paid=np.full(THRESHOLDS, price),
    )


def _extend(view: Outlook, bins: NDArray[np.int64], prefix: _Prefix, column: int) -> _Prefix:
    better = view.panel[:, column] >= prefix.verdict
    top = np.where(better, bins[:, column], prefix.top)
    score = np.where(better, view.scores[:, column], prefix.score)
    # Served here: still going before, no longer after. The best verdict is then this model's own.
    return _Prefix(
        columns=(*prefix.columns, column),
        top=top,
        verdict=np.where(better, view.panel[:, column], prefix.verdict),
        score=score,
        stopped=prefix.stopped + _sums(prefix.top, score) - _sums(top, score),
        paid=prefix.paid + _sums(prefix.top, view.costs[:, column] + view.judge_cost_usd),
    )


def _sums(bins: NDArray[np.int64], weights: Floats) -> Floats:
    """Return, for each threshold, the sum of the weights of the queries still going."""
    of_bin = np.bincount(bins, weights=weights, minlength=THRESHOLDS + 1)
    return np.cumsum(of_bin.astype(np.float64))[:THRESHOLDS]


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the part of the upper convex hull of (cost, quality) that rises, from the cheapest point to the best."""
    hull: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda p: (p[0], -p[1])):
        if hull and point[1] <= max(quality for _, quality in hull):
            continue
        while len(hull) > 1 and _below(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _below(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    return (middle[1] - left[1]) * (right[0] - left[0]) <= (right[1] - left[1]) * (middle[0] - left[0])
