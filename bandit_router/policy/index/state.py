"""Packs an index policy's knowledge into an artifact, and back to the bit; it learns nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.index.agreement import Agreement
from bandit_router.policy.index.clusters import GROUPS
from bandit_router.policy.index.judges import LEVELS, SLOPES, TAILS, TRUSTS
from bandit_router.policy.index.kinship import Profile
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.newcomers import Newcomers
from bandit_router.policy.index.predictor import Relative
from bandit_router.policy.index.verdicts import BINS
from bandit_router.policy.sealed import seal, unseal

Array = NDArray[np.float64]

_LEVELS, _TRUSTS = np.linspace(-1.5, 1.5, 15), np.array([0.1, 0.2, 0.35, 0.5, 0.7, 1.0])
"""The grids of states from before judges could be found unfair."""


def dump(known: Knowledge) -> bytes:
    """Return the artifact: names and scalars as JSON, arrays as little-endian float64, covariances as triangles."""
    space, predictor, prices, verdicts = known.space, known.predictor, known.prices, known.verdicts
    names = {
        "surface": space.names,
        "dims": len(space.centre),
        "place": space.clusters.centres.shape[1],
        "categories": list(space.categories),
        "models": list(predictor.rows),
        "billed": list(prices.rows),
        "price_columns": prices.weights.shape[1],
        "judges": list(verdicts.histograms),
        "relatives": {name: asdict(relative) for name, relative in predictor.relatives.items()},
        "newcomers": known.newcomers.state(),
        "paces": known.paces.state(),
        "heard": known.heard.decisions(),
        "compared": verdicts.agreement.count,
        "truths": verdicts.truths.tolist(),
        "scalars": {name: getattr(owner, name) for owner, name in _scalars(known)},
    }
    arrays = {
        "moments": np.concatenate((space.centre, space.mean, space.variance)),
        "centres": space.clusters.centres,
        "counts": space.clusters.counts,
        "shared": predictor.shared,
        "own": predictor.own,
        "told": predictor.told,
        "shared_covariance": _triangles([predictor.shared_covariance]),
        "own_covariances": _triangles(predictor.own_covariances),
        "price_weights": prices.weights,
        "price_covariances": _triangles(prices.covariances),
        "price_moments": np.concatenate((prices.noise, prices.paid, prices.expected)),
        "ranks": np.concatenate([np.zeros(0), *verdicts.histograms.values()]),
        "evidence": verdicts.evidence,
        "agreement": np.append(verdicts.agreement.evidence, verdicts.agreement.told),
        "heard": known.heard.flat(),
    }
    parts = {"names": json.dumps(names).encode()}
    return seal("index", parts | {name: array.astype("<f8").tobytes() for name, array in arrays.items()})


def load(artifact: bytes, *, dims: int) -> Knowledge:
    """Return what was dumped; raise `CorruptArtifact` for anything else."""
    parts = unseal("index", artifact)
    known = Knowledge(dims=dims)
    try:
        names = json.loads(parts.pop("names"))
        arrays = {name: np.frombuffer(part, dtype="<f8").astype(np.float64) for name, part in parts.items()}
        _fill(known, names, arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptArtifact("an index policy's learned state is damaged; fall back to an earlier version") from error
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise CorruptArtifact("an index policy's learned state is not finite; fall back to an earlier version")
    return known


def _fill(known: Knowledge, names: dict[str, Any], arrays: Mapping[str, Array]) -> None:
    """Put what was read into knowledge that is still cold."""
    space, predictor, prices, verdicts = known.space, known.predictor, known.prices, known.verdicts
    space.names, space.categories = tuple(names["surface"]), _places(names["categories"])
    size, surface = names["dims"], len(space.names)
    space.centre, space.mean, space.variance = (
        part.copy() for part in np.split(arrays["moments"], [size, size + surface])
    )
    if len(space.variance) != surface:
        raise ValueError("moments of more or fewer numbers than there are names")
    space.clusters.counts = arrays["counts"]
    space.clusters.centres = arrays["centres"].reshape(len(arrays["counts"]), names["place"])
    predictor.rows, predictor.shared = _places(names["models"]), arrays["shared"]
    columns = len(predictor.shared) - GROUPS
    predictor.own = arrays["own"].reshape(len(predictor.rows), columns)
    predictor.told = arrays["told"]
    if len(predictor.told) != len(predictor.rows):
        raise ValueError("more or fewer models were told of than there are")
    (predictor.shared_covariance,) = _squares(arrays["shared_covariance"], GROUPS + columns)
    predictor.own_covariances = _squares(arrays["own_covariances"], columns)
    prices.rows, columns = _places(names["billed"]), names["price_columns"]
    prices.weights = arrays["price_weights"].reshape(len(prices.rows), columns)
    prices.covariances = _squares(arrays["price_covariances"], columns)
    prices.noise, prices.paid, prices.expected = (part.copy() for part in np.split(arrays["price_moments"], 3))
    ranks = arrays["ranks"].reshape(len(names["judges"]), BINS)
    verdicts.histograms = {judge: row.copy() for judge, row in zip(names["judges"], ranks, strict=True)}
    verdicts.evidence = _evidence(arrays["evidence"])
    verdicts.truths = _truths(names)
    _compared(verdicts.agreement, arrays, count=names.get("compared", 0.0))
    known.newcomers = Newcomers(**names["newcomers"])
    # States from before kin, time and verdicts beside probes were looked at have none.
    predictor.relatives = {name: _relative(found) for name, found in names.get("relatives", {}).items()}
    known.paces.restore(names.get("paces", {}))
    known.heard.restore(names.get("heard", ()), arrays.get("heard", np.zeros(0)))
    for owner, name in _scalars(known):
        setattr(owner, name, float(names["scalars"][name]))
    verdicts.derive()


def _scalars(known: Knowledge) -> list[tuple[object, str]]:
    """Return where each number is kept, and its name."""
    return [
        (known, "events"),
        (known.space, "count"),
        (known.space.clusters, "radius"),
        *((known.predictor, name) for name in ("loading", "loading_precision")),
        *((known.prices, name) for name in ("judging", "judged")),
        *(
            (known.verdicts, name)
            for name in (
                "seen",
                "base",
                "face",
                "labels",
                "held",
                "base_count",
                "spread",
            )
        ),
    ]


def _evidence(found: Array) -> Array:
    """Return the evidence of feedback for each error model."""
    shape = (len(SLOPES), len(TAILS), len(LEVELS), len(TRUSTS))
    if found.size == math.prod(shape):
        return found.reshape(shape)
    # States from before judges could be found unfair have other levels and trusts, the first of them no low slopes.
    before = found.reshape(-1, len(TAILS), len(_LEVELS), len(_TRUSTS))
    before = np.concatenate((np.repeat(before[:1], len(SLOPES) - len(before), axis=0), before))
    before = np.apply_along_axis(lambda line: np.interp(LEVELS, _LEVELS, line), 2, before)
    return np.asarray(np.apply_along_axis(lambda line: np.interp(TRUSTS, _TRUSTS, line), 3, before))


def _compared(agreement: Agreement, arrays: Mapping[str, Array], *, count: float) -> None:
    """Put what was read into what is learned from verdicts on one query; states from before have none of it."""
    if "agreement" in arrays:
        evidence, agreement.told = np.split(arrays["agreement"], [-len(SLOPES)])
        agreement.evidence = evidence.reshape(agreement.evidence.shape)
        agreement.count = float(count)


def _truths(names: Mapping[str, Any]) -> Array:
    """Return the sums of truths that were fed back."""
    if "truths" in names:
        return np.array(names["truths"], dtype=np.float64)
    # States from before have their scatter round guesses instead, and that of right or wrong.
    seen, expected = (float(names["scalars"][name]) for name in ("scatter", "expected_scatter"))
    return np.array([4 * expected, 2 * expected, max(expected - seen, 0.0), expected])


def _relative(found: dict[str, Any]) -> Relative:
    return Relative(profile=Profile(**found["profile"]), variance=found["variance"])


def _places(names: list[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _triangles(squares: list[Array]) -> Array:
    """Return the upper triangles of symmetric matrices, one after the other."""
    return np.concatenate([np.zeros(0), *(square[np.triu_indices(len(square))] for square in squares)])


def _squares(triangles: Array, size: int) -> list[Array]:
    """Return the symmetric matrices of whose triangles these are the numbers."""
    each = size * (size + 1) // 2
    rows, columns = np.triu_indices(size)
    squares = []
    for triangle in triangles.reshape(-1, each):
        square = np.zeros((size, size))
        square[rows, columns] = square[columns, rows] = triangle
        squares.append(square)
    return squares
