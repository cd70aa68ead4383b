"""Fits P(good) to verdicts with known truth: logistic regression with a prior; it keeps no data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bandit_router.judge.scale import Scale, Vector, Verdicts

LEVEL: Final = 1.0
"""Deviation of the level in logits from that of the verdicts at face value."""
SLOPE: Final = (1.5, 1.0)
"""Logits by which an answer one deviation better by all judges is better, shared out evenly; each share's deviation."""
TAIL: Final = 0.5
"""Deviation of how much steeper that is below a judge's mean than above."""
FAULT: Final = (-4.0, 2.0)
"""Logits of an answer in which the rules found a fault, and their deviation."""
OWN_LEVEL: Final = 0.5
OWN_SLOPE: Final = 0.3
"""Deviations of a model's or category's level and slope from those of all."""
DISPERSION: Final = (10.0, 0.1)
"""Labels' worth of truth as random as right or wrong, and the least share of that randomness assumed."""
STEPS: Final = 20
EXACT: Final = 1e-7
SHORTEST: Final = 1e-3
"""The least share of a Newton step tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A judged answer: verdicts, whether the rules found a fault, whose answer to what, and its true quality."""

    verdicts: Verdicts
    fault: bool
    model: str
    category: str
    truth: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """P(good) of an answer by its verdicts; what is not given is integrated out.

    logit P = (level + sum of slope x score + tail x min(score, 0) + own level + own slope x mean score) x shrinkage,
    with the scores of `Scale`. The shrinkage is that of a logistic averaged over normal doubt (MacKay, 1992).
    """

    scale: Scale
    weights: Vector
    """Level, fault, slopes by judge, tails by judge, then level and slope of each group."""
    groups: Mapping[str, int]
    """Where a group's weights are; a group is `model NAME` or `category NAME`."""

    @property
    def slopes(self) -> Mapping[str, float]:
        """By judge: logits by which an answer that it places one deviation higher is better; below 0 if it is worse."""
        steep = _steepness(self.weights, len(self.scale.judges)) * self.scale.deviations
        return dict(zip(self.scale.judges, map(float, steep), strict=True))

    def probability(self, verdicts: Verdicts, *, fault: bool, model: str, category: str) -> float:
        """Return P(good) in (0, 1); verdicts of judges never seen say nothing."""
        scores, left = self.scale.complete(self.scale.place([verdicts]))
        own = [[self.groups[name] for name in _names(model, category) if name in self.groups]]
        (line,) = _lines(scores, faults=[fault], groups=own, width=len(self.weights))
        logit = float(line @ self.weights) * float(_shrinkage(self.weights, left)[0])
        return float(_expit(np.array(logit)))

    def state(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"scale": self.scale.state(), "weights": self.weights.tolist(), "groups": dict(self.groups)}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Fit:
        """Read `state()` back; raise ValueError, KeyError or TypeError when it is not one."""
        scale, weights = Scale.restore(state["scale"]), np.array(state["weights"], dtype=np.float64)
        groups = {str(name): int(place) for name, place in state["groups"].items()}
        if len(weights) != 2 + 2 * len(scale.judges) + 2 * len(groups) or not np.isfinite(weights).all():
            raise ValueError("the weights are not those of the judges and groups")
        return cls(scale=scale, weights=weights, groups=groups)


def fit(cases: Sequence[Case], seen: Sequence[Verdicts], *, base: float) -> Fit:
    """Return the most probable weights given cases; `seen` are verdicts with or without truth, `base` their mean."""
    scale = Scale.of(seen)
    names = sorted({name for case in cases for name in _names(case.model, case.category)})
    start = 2 + 2 * len(scale.judges)
    groups = {name: start + 2 * index for index, name in enumerate(names)}
    scores, left = scale.complete(scale.place([case.verdicts for case in cases]))
    own = [[groups[name] for name in _names(case.model, case.category)] for case in cases]
    lines = _lines(scores, faults=[case.fault for case in cases], groups=own, width=start + 2 * len(groups))
    truths = np.array([case.truth for case in cases])
    mean, precision = _prior(len(scale.judges), len(groups), base=base)
    return Fit(scale=scale, weights=_newton(lines, truths, left, mean=mean, precision=precision), groups=groups)


def _newton(lines: Vector, truths: Vector, left: Vector, *, mean: Vector, precision: Vector) -> Vector:
    """Return the mode of the posterior; the shrinkage is held while a step is taken.

    Truth that is a matter of degree is less random than right or wrong, so that a label of it counts for more.
    """
    weights = mean.copy()
    for _ in range(STEPS):
        shrunk = lines * _shrinkage(weights, left)[:, None]
        p = _expit(shrunk @ weights)
        noise = p * (1 - p)
        dispersion = _dispersion(truths - p, noise)
        gradient = shrunk.T @ (truths - p) / dispersion - precision * (weights - mean)
        curvature = (shrunk * noise[:, None]).T @ shrunk / dispersion + np.diag(precision)
        step: Vector = np.asarray(np.linalg.solve(curvature, gradient))

        def height(at: Vector, shrunk: Vector = shrunk, dispersion: float = dispersion) -> float:
            logits = shrunk @ at
            fitted = truths @ logits - np.logaddexp(0.0, logits).sum()
            return float(fitted / dispersion - 0.5 * precision @ (at - mean) ** 2)

        weights = weights + _no_worse(height, weights, step) * step
        if float(np.abs(step).max()) < EXACT:
            break
    return np.asarray(weights)


def _no_worse(height: Callable[[Vector], float], weights: Vector, step: Vector) -> float:
    """Return the first of 1, 1/2, 1/4 ... of a step that does not go down: far from the mode Newton overshoots."""
    start, length = height(weights), 1.0
    while length > SHORTEST and height(weights + length * step) < start:
        length /= 2
    return length


def _dispersion(errors: Vector, noise: Vector) -> float:
    count, least = DISPERSION
    return min(max((float((errors**2).sum()) + count) / (float(noise.sum()) + count), least), 1.0)


def _prior(judges: int, groups: int, *, base: float) -> tuple[Vector, Vector]:
    """Return the prior mean and precision of each weight."""
    slope = [(SLOPE[0] / max(judges, 1), SLOPE[1])] * judges
    own = [(0.0, OWN_LEVEL), (0.0, OWN_SLOPE)] * groups
    held = min(max(base, 0.05), 0.95)
    pairs = np.array([(math.log(held / (1 - held)), LEVEL), FAULT, *slope, *[(0.0, TAIL)] * judges, *own])
    return pairs[:, 0], pairs[:, 1] ** -2


def _lines(scores: Vector, *, faults: Sequence[bool], groups: Sequence[Sequence[int]], width: int) -> Vector:
    """Return the regressors (n, weights) of answers with scores (n, judges)."""
    count, judges = scores.shape
    lines = np.zeros((count, width))
    lines[:, 0], lines[:, 1] = 1.0, faults
    lines[:, 2 : 2 + judges] = scores
    lines[:, 2 + judges : 2 + 2 * judges] = np.minimum(scores, 0.0)
    mean = scores.mean(axis=1) if judges else np.zeros(count)
    for row, places in enumerate(groups):
        for place in places:
            lines[row, place], lines[row, place + 1] = 1.0, mean[row]
    return lines


def _shrinkage(weights: Vector, left: Vector) -> Vector:
    """Return what remains of logits (n) given the covariance (n, judges, judges) of scores left unknown."""
    steep = _steepness(weights, left.shape[1])
    return np.asarray(1 / np.sqrt(1 + math.pi / 8 * np.maximum((left @ steep) @ steep, 0.0)))


def _expit(logits: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30.0, 30.0))))


def _steepness(weights: Vector, judges: int) -> Vector:
    """Return each judge's slope, between that above its mean and that below."""
    return np.asarray(weights[2 : 2 + judges] + 0.5 * weights[2 + judges : 2 + 2 * judges])


def _names(model: str, category: str) -> tuple[str, str]:
    return f"model {model}", f"category {category}"
