"""One entry to every estimator, by name; it checks names and hands on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from numpy.typing import ArrayLike

from bandit_router.errors import UnknownEstimator, UnusableLog, did_you_mean
from bandit_router.evaluate import estimators
from bandit_router.evaluate.likelihood import cressie_read
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Logged, Rows, read
from bandit_router.evaluate.slope import CANDIDATES

_PLAIN: Final[dict[str, Callable[..., Estimate]]] = {
    "snips": estimators.snips,
    "dm": estimators.dm,
    "dr": estimators.dr,
    "sndr": estimators.sndr,
    "cressie_read": cressie_read,
}
# With what each one shrinks by.
_SHRUNK: Final[dict[str, tuple[str, Callable[..., Estimate]]]] = {
    "ips": ("clip", estimators.ips),
    "switch_dr": ("tau", estimators.switch_dr),
    "dros": ("lambda_", estimators.dros),
}
ESTIMATORS: Final = ("ips", "snips", "dm", "dr", "sndr", "switch_dr", "dros", "cressie_read")
_COMMON: Final = ("observed", "observe_prob", "reward_range", "max_weight")


def estimate(
    name: str,
    *,
    reward: ArrayLike,
    propensity: ArrayLike,
    target_prob: ArrayLike,
    action: ArrayLike | None = None,
    q_hat: ArrayLike | None = None,
    alpha: float = 0.05,
    **hyper: Any,
) -> Estimate:
    """Estimate what a target policy would have earned a decision, with an interval at 1 - alpha.

    `target_prob` is the target's P(logged action), shape (n,), or its whole pmf, shape (n, k), with `action`, the
    column logged; the estimators with a model need the latter and `q_hat` (n, k). Hyper-parameters: `clip` (ips), `tau`
    (switch_dr), `lambda_` (dros), chosen by SLOPE where not given; `observed` (n,) and `observe_prob` (n,) where
    rewards were sampled; `reward_range`; `max_weight`. Raise `UnknownEstimator` and `UnusableLog`.

    >>> estimate("snips", reward=[1.0, 0.0, 1.0], propensity=[0.5, 0.5, 0.25], target_prob=[1.0, 1.0, 0.0]).value
    0.5
    """
    if name not in ESTIMATORS:
        raise UnknownEstimator(name, ESTIMATORS)
    if not 0 < alpha < 1:
        raise UnusableLog(f"{alpha} is not between 0 and 1", argument="alpha")
    shrink = _SHRUNK[name][0] if name in _SHRUNK else None
    _refuse_unknown(name, hyper, shrink)
    common = {key: hyper[key] for key in _COMMON if key in hyper}
    rows = read(
        Logged(reward=reward, propensity=propensity, target_prob=target_prob, action=action, q_hat=q_hat, **common)
    )
    return of_rows(name, rows, alpha=alpha, shrink=hyper.get(shrink) if shrink else None)


def of_rows(name: str, rows: Rows, *, alpha: float = 0.05, shrink: float | None = None) -> Estimate:
    """Estimate from rows whose weights are known already; `shrink` is the hyper-parameter, chosen where not given."""
    if name in _PLAIN:
        return _PLAIN[name](rows, alpha=alpha)
    key, function = _SHRUNK[name]
    candidates: Sequence[float] = CANDIDATES
    if shrink is not None:
        if math.isnan(shrink) or shrink <= 0:
            raise UnusableLog(f"{shrink} is not above 0", argument=key)
        candidates = (float(shrink),)
    return function(rows, alpha=alpha, candidates=candidates)


def _refuse_unknown(name: str, hyper: dict[str, Any], shrink: str | None) -> None:
    known = [*_COMMON, *([shrink] if shrink else [])]
    for key in hyper:
        if key not in known:
            raise UnusableLog(f"{name} has no such parameter; {did_you_mean(key, known)}", argument=key)
