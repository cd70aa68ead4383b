"""Checks of arrays, each with an error that names the argument and the row; they know no estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit_router.errors import UnusableLog

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def as_floats(argument: str, values: ArrayLike, *, dimensions: tuple[int, ...] = (1,)) -> NDArray[np.float64]:
    """Return float64 of one of the numbers of dimensions, with at least one row, or raise `UnusableLog`."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnusableLog("is not an array of numbers", argument=argument) from None
    if array.ndim not in dimensions:
        wanted = " or ".join("(n,)" if d == 1 else "(n, k)" for d in dimensions)
        raise UnusableLog(f"has shape {array.shape}, {wanted} is needed", argument=argument)
    if array.size == 0:
        raise UnusableLog("is empty; there is no logged row to estimate from", argument=argument)
    return array


def same_length(argument: str, array: NDArray[Any], n: int) -> None:
    """Raise `UnusableLog` unless the array has n rows."""
    if len(array) != n:
        raise UnusableLog(f"has {len(array)} rows and reward has {n}; give one entry a logged row", argument=argument)


def within(argument: str, array: NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """Return the extremes of an array that lies within [low, high] and holds no NaN, or raise `UnusableLog`."""
    smallest, largest = float(array.min()), float(array.max())
    # NaN is smallest and largest wherever there is one, and no comparison with it holds.
    if smallest >= low and largest <= high:
        return smallest, largest
    row = int(np.flatnonzero(~((array >= low) & (array <= high)).reshape(len(array), -1).all(axis=1))[0])
    raise UnusableLog(f"row {row} is {array[row]}, not a number in [{low:g}, {high:g}]", argument=argument)


def probabilities(argument: str, array: NDArray[np.float64], *, zero: bool) -> tuple[float, float]:
    """Return the extremes of probabilities, in [0, 1] or, without `zero`, in (0, 1]."""
    smallest, largest = within(argument, array, 0.0, 1.0 + 1e-9)
    if smallest == 0 and not zero:
        row = int(np.argmin(array))
        raise UnusableLog(f"row {row} is 0, but what was done had a chance in (0, 1]", argument=argument)
    return smallest, largest


def finite(argument: str, array: NDArray[np.float64]) -> tuple[float, float]:
    """Return the extremes of an array without NaN and infinities, or raise `UnusableLog`."""
    return within(argument, array, -np.finfo(np.float64).max, np.finfo(np.float64).max)


def distributions(argument: str, matrix: Matrix) -> None:
    """Raise `UnusableLog` unless each row is a distribution over actions, to 1e-4."""
    probabilities(argument, matrix, zero=True)
    totals = matrix @ np.ones(matrix.shape[1])
    if totals.min() < 1 - 1e-4 or totals.max() > 1 + 1e-4:
        row = int(np.argmax(np.abs(totals - 1)))
        raise UnusableLog(f"row {row} sums to {totals[row]:.6g}, not 1", argument=argument)


def chosen(argument: str, values: ArrayLike, *, n: int, k: int) -> NDArray[np.intp]:
    """Return n column numbers in [0, k), or raise `UnusableLog`."""
    array = np.asarray(values)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise UnusableLog("must be whole numbers of shape (n,), the column of what was done", argument=argument)
    same_length(argument, array, n)
    if array.min() < 0 or array.max() >= k:
        row = int(np.flatnonzero((array < 0) | (array >= k))[0])
        raise UnusableLog(f"row {row} is {array[row]}, and there are {k} columns", argument=argument)
    return array.astype(np.intp, copy=False)


def picked(matrix: Matrix, action: NDArray[np.intp]) -> Vector:
    """Return one entry a row: the action's column."""
    n, k = matrix.shape
    flat: Vector = np.ascontiguousarray(matrix).ravel()[np.arange(0, n * k, k) + action]
    return flat
