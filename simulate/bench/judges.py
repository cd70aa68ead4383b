"""What simulated judges show of true scores, and which recorded judges grade; it asks no model and knows no policy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import ConfigError, did_you_mean
from simulate.outcomes import Table

Floats = NDArray[np.float64]

SIMULATED: Final = "simulated"
"""The name of the one judge of `auc` and `noise`."""
_FORMS: Final = "recorded, recorded:a,b, auc:0.85 or noise:0.1, each with rules+ before it if rules stand beside"
_BESIDE: Final = "rules+"
RULES: Final = "rules"
"""The name of the judge of form that passes every whole answer, as one does in a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """How answers are judged: by recorded judges (all, or those named), or by one made from the true score."""

    kind: Literal["recorded", "auc", "noise"]
    names: tuple[str, ...] = ()
    level: float = 0.0
    """The AUC in [0.5, 1), or the standard deviation of the noise."""
    rules: bool = False
    """Whether rules stand beside, which pass every answer and grade none."""


def parse_judge(text: str) -> JudgeSpec:
    """Read `recorded[:a,b]`, `auc:A` or `noise:S`, or `rules+` and one of them; raise `ConfigError` naming the forms.

    >>> parse_judge("rules+auc:0.85").level
    0.85
    """
    if text.startswith(_BESIDE):
        return replace(parse_judge(text.removeprefix(_BESIDE)), rules=True)
    kind, _, rest = text.partition(":")
    if kind == "recorded":
        names = tuple(dict.fromkeys(name.strip() for name in rest.split(",") if name.strip()))
        return JudgeSpec(kind="recorded", names=names)
    if kind == "auc":
        return JudgeSpec(kind="auc", level=_level(text, rest, low=0.5, high=1.0))
    if kind == "noise":
        return JudgeSpec(kind="noise", level=_level(text, rest, low=0.0, high=math.inf))
    raise ConfigError(f"--judge {text!r} is no judge; give {_FORMS}")


def grading(table: Table, spec: JudgeSpec) -> tuple[str, ...]:
    """Return the names of the judges that grade, sorted when all do; raise `ConfigError` for those not recorded."""
    if spec.kind != "recorded":
        return (SIMULATED,)
    common = set.intersection(*(set(arm.judges) for row in table.rows for arm in row.arms.values()))
    if not common:
        raise ConfigError("--judge recorded: the table has no recorded judges on every answer; give auc:A or noise:S")
    for name in spec.names:
        if name not in common:
            raise ConfigError(f"--judge recorded: no judge is named {name!r}; {did_you_mean(name, common)}")
    if set(spec.names) == common:
        raise ConfigError("--judge recorded: with every judge named none is left to be the true score; name fewer")
    return spec.names or tuple(sorted(common))


def true_scores(table: Table, spec: JudgeSpec) -> Floats:
    """Return the true scores (rows, models): as recorded, or the mean of the judges that are not named."""
    arms = [[row.arms[model] for model in table.models] for row in table.rows]
    if not spec.names:
        return np.array([[arm.score for arm in line] for line in arms])
    named = set(spec.names)
    others = [[[s for name, s in sorted(arm.judges.items()) if name not in named] for arm in line] for line in arms]
    return np.array([[sum(scores) / len(scores) for scores in line] for line in others])


def recorded_verdicts(table: Table, names: tuple[str, ...]) -> Floats:
    """Return what the judges named said (rows, models, judges)."""
    return np.array(
        [[[row.arms[model].judges[name] for name in names] for model in table.models] for row in table.rows]
    )


def shown(spec: JudgeSpec, scores: Floats, noise: Floats) -> Floats:
    """Return the verdicts in [0, 1] on true scores, given draws of N(0, 1) of the same shape.

    `auc`: z = d * score + noise with d = sqrt(2) * probit(A) has that AUC between scores 0 and 1; what is shown is its
    logistic, centred between the two.
    """
    if spec.kind == "noise":
        return np.clip(scores + spec.level * noise, 0.0, 1.0)
    distance = math.sqrt(2) * NormalDist().inv_cdf(spec.level)
    return np.asarray(1 / (1 + np.exp(-(distance * scores + noise - distance / 2))), dtype=np.float64)


def _level(text: str, number: str, *, low: float, high: float) -> float:
    try:
        level = float(number)
    except ValueError:
        raise ConfigError(f"--judge {text!r} lacks its number; give {_FORMS}") from None
    if not low <= level < high:
        span = f"from {low:g} to below {high:g}" if math.isfinite(high) else f"{low:g} or more, and finite"
        raise ConfigError(f"--judge {text!r}: the number must be {span}")
    return level
