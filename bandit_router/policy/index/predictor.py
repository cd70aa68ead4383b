"""Predicts how probably each model answers well: hierarchical Bayesian logistic regression; it knows no judges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.clusters import GROUPS
from bandit_router.policy.index.space import Point, Space, Vector

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
OWN: Final = (0.5, 0.15, 0.015, 0.005, 0.1)
"""The same for how one model departs from the others."""
PRICE: Final = 0.25
"""Logits by which a model is expected to be better for each e-fold of its price."""
LOADING: Final = (1.5, 0.1)
"""By how many logits a query one deviation easier is easier for every model: mean and variance at first."""
WALK: Final = 3e-5
"""By how much the variance of each model's own constant grows at an event with a verdict: what was seen grows old."""
CHANGED: Final = 0.5
"""The share of the variance of a new model's own weights that is added to those of a model that has changed."""
LOADINGS: Final = (0.1, 3.0)


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
        self.loading = LOADING[0]
        self.loading_precision = 1 / LOADING[1]

    @property
    def stretch(self) -> float:
        """Return by how many logits answers differ at each difficulty if they do by one on the whole (MacKay, 1992)."""
        return math.sqrt(1 + math.pi / 8 * self.loading**2)

    def logits(self, point: Point) -> tuple[float, Vector]:
        """Return the logit of an average model and those of all models seen, at difficulty 0."""
        shared = float(self.shared @ point.wide)
        return shared, self.own @ point.x + shared

    def doubt(self, model: str) -> float:
        """Return the variance of a model's own constant: 0.5 logits for one not seen, falling with what is learned."""
        row = self.rows.get(model)
        return OWN[0] if row is None else float(self.own_covariances[row][0, 0])

    def ignorance(self, model: str) -> float:
        """Return the variance of a model's own constant if nothing grew old: what was never found out."""
        row = self.rows.get(model)
        return 1 / (1 / OWN[0] + (0.0 if row is None else float(self.told[row])))

    def grow(self, space: Space, priors: Mapping[str, float]) -> None:
        """Make room for new columns, and for the models of `priors` (their constants in logits) not seen before."""
        shared = np.append(np.full(GROUPS, GROUP), space.by_column(*SHARED))
        own = space.by_column(*OWN)
        if len(shared) > len(self.shared):
            extra = len(shared) - len(self.shared)
            self.shared = np.pad(self.shared, (0, extra))
            self.own = np.pad(self.own, ((0, 0), (0, extra)))
            self.shared_covariance = _grown(self.shared_covariance, shared)
            self.own_covariances = [_grown(covariance, own) for covariance in self.own_covariances]
        for model in priors:
            if model not in self.rows:
                self.rows[model] = len(self.rows)
                self.own = np.vstack((self.own, np.zeros(len(own))))
                self.own[-1, 0] = priors[model]
                self.own_covariances.append(np.diag(own))
                self.told = np.append(self.told, 0.0)

    def step(self, model: str, point: Point, *, gradient: float, information: float) -> None:
        """Take one observation in: a Newton step for shared and own weights, and less variance where it points."""
        row = self.rows[model]
        self.told[row] += information
        shared, own = self.shared_covariance @ point.wide, self.own_covariances[row] @ point.x
        scale = 1 / (1 + information * float(point.wide @ shared + point.x @ own))
        self.shared += shared * (gradient * scale)
        self.own[row] += own * (gradient * scale)
        # Both sides of the outer products are the same numbers, so that covariances stay symmetric to the bit.
        root = math.sqrt(information * scale)
        self.shared_covariance -= np.multiply.outer(shared * root, shared * root)
        self.own_covariances[row] -= np.multiply.outer(own * root, own * root)

    def age(self) -> None:
        """Let a little time pass: counted in what was learned, or what is rarely told would be forgotten in between."""
        for covariance in self.own_covariances:
            covariance[0, 0] = min(covariance[0, 0] + WALK, max(OWN[0], covariance[0, 0]))

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


def price_priors(costs: Mapping[str, float]) -> dict[str, float]:
    """Return by how many logits each model should be better than the average of them, from their expected prices."""
    logs = {model: math.log(max(cost, 1e-7)) for model, cost in costs.items()}
    mean = sum(logs.values()) / max(len(logs), 1)
    return {model: PRICE * (log - mean) for model, log in logs.items()}


def logistic(a: Vector) -> Vector:
    """Return 1 / (1 + exp(-a)), kept off 0 and 1 so that logarithms stay finite."""
    return np.asarray(1 / (1 + np.exp(np.minimum(np.maximum(-a, -30.0), 30.0))))


def normalised(logs: Vector) -> Vector:
    """Return weights that sum to 1 from their logarithms."""
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _grown(covariance: NDArray[np.float64], prior: Vector) -> NDArray[np.float64]:
    """Return a covariance with independent columns added at its end."""
    grown, size = np.diag(prior), len(covariance)
    grown[:size, :size] = covariance
    return grown
