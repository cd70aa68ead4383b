"""Predicts how probably each model answers well: hierarchical Bayesian logistic regression; it knows no judges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.clusters import GROUPS
from bandit_router.policy.index.kinship import LEAST, VARIANCE, Kinship, Prior, Profile, Told
from bandit_router.policy.index.space import Point, Space, Vector, highest, squared

NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS: Final[Vector] = _WEIGHTS / _WEIGHTS.sum()
"""Quadrature of the difficulty u of a query, N(0, 1): what the category and the wording do not tell of it."""
LOG_WEIGHTS: Final[Vector] = np.log(WEIGHTS)

QUALITY: Final = 0.75
"""How probably a model of average price answers well, before anything is known."""
SHARED: Final = (1.0, 0.5, 0.05, 0.02, 0.25)
"""Prior variances of the weights all models share, in logits: constant, embedding, surface, squares, category."""
GROUP: Final = 0.5
"""The same for how one group of alike contexts departs from what the other weights say of it, for all models."""
OWN: Final = (VARIANCE, 0.075, 0.0075, 0.0025, 0.05)
"""The same for how one model departs from the others."""
LOADING: Final = (2.0, 0.1)
"""By how many logits a query one deviation easier is easier for every model: mean and variance at first."""
WALK: Final = 3e-5
"""By how much the variance of each model's own constant grows at an event with a verdict: what was seen grows old."""
CHANGED: Final = 0.5
"""The share of the variance of a new model's own weights that is added to those of a model that has changed."""
LOADINGS: Final = (0.1, 3.0)
FOLLOWED: Final = 0.02
"""How far a profile's price and promise move to what they are at an event: a changed price list is followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """What is known of a model beside its answers, and the variance of its own constant before there were any."""

    profile: Profile
    variance: float = VARIANCE


class Predictor:
    """Weights w = shared + own(model), each normal with its covariance; a model's are made when it is first seen."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.shared: Vector = np.append(np.zeros(GROUPS), math.log(QUALITY / (1 - QUALITY)) * 1.15)
        self.own: NDArray[np.float64] = np.zeros((0, 1))
        self.shared_covariance: NDArray[np.float64] = np.diag(np.repeat([GROUP, SHARED[0]], [GROUPS, 1]))
        self.own_covariances: list[NDArray[np.float64]] = []
        self.told: Vector = np.zeros(0)
        """How much was ever told of each model, as the precision that it gives its own constant."""
        self.relatives: dict[str, Relative] = {}
        """Models as kin of those to come; one that was learned before kin were looked at comes in when it answers."""
        self.loading = LOADING[0]
        self.loading_precision = 1 / LOADING[1]

    @property
    def stretch(self) -> float:
        """Return by how many logits answers differ at each difficulty if they do by one on the whole (MacKay, 1992)."""
        return float(stretched(self.loading))

    def logits(self, point: Point) -> tuple[float, Vector]:
        """Return the logit of an average model and those of all models seen, at difficulty 0."""
        shared = float(self.shared.dot(point.wide))
        return shared, self.own.dot(point.x) + shared

    def doubts(self, model: str, prior: Prior) -> tuple[float, float]:
        """Return the variance of a model's own constant: now, and if nothing grew old, which was never found out.

        It is that of the prior for one not seen, and falls with what is learned.
        """
        row = self.rows.get(model)
        if row is None:
            return prior.variance, prior.variance
        relative = self.relatives.get(model)
        first = relative.variance if relative else OWN[0]
        return self.own_covariances[row].item(0), 1 / (1 / first + self.told.item(row))

    def kinship(self) -> Kinship:
        """Return what answers so far tell of models to come."""
        return Kinship(
            [
                Told(profile=relative.profile, own=self.own[row], variance=float(covariance[0, 0]))
                for (model, row), covariance in zip(self.rows.items(), self.own_covariances, strict=True)
                if self.told[row] >= LEAST and (relative := self.relatives.get(model))
            ]
        )

    def grow(self, space: Space, newcomers: Mapping[str, tuple[Profile, Prior]]) -> None:
        """Make room for new columns, and for models not seen before."""
        if not newcomers and space.columns == self.own.shape[1]:
            return
        shared = np.append(np.full(GROUPS, GROUP), space.by_column(*SHARED))
        own = space.by_column(*OWN)
        if len(shared) > len(self.shared):
            extra = len(shared) - len(self.shared)
            self.shared = np.pad(self.shared, (0, extra))
            self.own = np.pad(self.own, ((0, 0), (0, extra)))
            self.shared_covariance = _grown(self.shared_covariance, shared)
            self.own_covariances = [_grown(covariance, own) for covariance in self.own_covariances]
        for model, (profile, prior) in newcomers.items():
            self.rows[model] = len(self.rows)
            self.relatives[model] = Relative(profile=profile, variance=prior.variance)
            self.own = np.vstack((self.own, np.append(prior.own, np.zeros(len(own) - len(prior.own)))))
            self.own_covariances.append(np.diag(np.append(prior.variance, own[1:])))
            self.told = np.append(self.told, 0.0)

    def relate(self, profiles: Mapping[str, Profile]) -> None:
        """Take in what is known, beside their answers, of models that were seen."""
        for model, now in profiles.items():
            before = self.relatives.get(model) or Relative(profile=now)
            self.relatives[model] = Relative(profile=_followed(before.profile, now), variance=before.variance)

    def step(self, model: str, point: Point, *, gradient: float, information: float) -> None:
        """Take one observation in: a Newton step for shared and own weights, and less variance where it points."""
        row = self.rows[model]
        self.told[row] += information
        shared, own = self.shared_covariance.dot(point.wide), self.own_covariances[row].dot(point.x)
        scale = 1 / (1 + information * float(point.wide.dot(shared) + point.x.dot(own)))
        self.shared += shared * (gradient * scale)
        weights = self.own[row]
        weights += own * (gradient * scale)
        root = math.sqrt(information * scale)
        shared *= root
        own *= root
        self.shared_covariance -= squared(shared)
        self.own_covariances[row] -= squared(own)

    def age(self) -> None:
        """Let a little time pass: counted in what was learned, or what is rarely told would be forgotten in between."""
        for covariance in self.own_covariances:
            before = float(covariance[0, 0])
            covariance[0, 0] = min(before + WALK, max(OWN[0], before))

    def doubt_again(self, model: str, space: Space) -> None:
        """Add variance to a model's own weights, as its answers are no longer what they were."""
        row = self.rows.get(model)
        if row is not None:
            self.own_covariances[row] += np.diag(CHANGED * space.by_column(*OWN)[: len(self.own_covariances[row])])
            self.told[row] = 0.0

    def load_more(self, slope: float) -> None:
        """Move the loading along the slope of the likelihood, ever more slowly."""
        self.loading_precision += slope * slope
        low, high = LOADINGS
        self.loading = min(max(self.loading + slope / self.loading_precision, low), high)


def _followed(before: Profile, now: Profile) -> Profile:
    return Profile(
        price=before.price + FOLLOWED * (now.price - before.price),
        promise=before.promise + FOLLOWED * (now.promise - before.promise),
        family=now.family,
        line=now.line,
        size_b=now.size_b,
        scores=now.scores,
    )


def stretched(loading: float | Vector) -> Vector:
    """Return the stretch that goes with a loading."""
    return np.asarray(np.sqrt(1 + math.pi / 8 * np.square(loading)))


def logistic(a: Vector) -> Vector:
    """Return 1 / (1 + exp(-a)), kept off 0 and 1 so that logarithms stay finite."""
    odds: Vector = np.exp(np.minimum(np.maximum(a, -30.0), 30.0))
    return odds / (1.0 + odds)


def normalised(logs: Vector) -> Vector:
    """Return weights that sum to 1 from their logarithms."""
    weights = np.exp(logs - highest(logs))
    return np.asarray(weights / weights.sum())


def _grown(covariance: NDArray[np.float64], prior: Vector) -> NDArray[np.float64]:
    """Return a covariance with independent columns added at its end."""
    grown, size = np.diag(prior), len(covariance)
    grown[:size, :size] = covariance
    return grown
