"""What probes must say for a newcomer to be let in, or turned away."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandit_router.registry.probation import LEAST, LOOKS, TRIES, Conclusion, conclusion
from bandit_router.types import Comparison, Prospect

MOST = 60


def probes(
    n: int, *, quality: float, baseline: float | None = 0.6, cost: float = 0.0, category: str = "maths", seed: int = 1
) -> list[Comparison]:
    """Return probes whose verdicts scatter, beside answers whose verdicts do too."""
    rng = random.Random(f"{seed} {category}")
    return [
        Comparison(
            category=category,
            quality=min(max(rng.gauss(quality, 0.2), 0.0), 1.0),
            cost=cost,
            judging=0.005,
            baseline=None if baseline is None else rng.gauss(baseline, 0.2),
        )
        for _ in range(n)
    ]


def concluded(found: Sequence[Comparison]) -> tuple[int, Conclusion]:
    """Return after how many probes something was concluded, and what."""
    for n in range(1, len(found) + 1):
        result = conclusion(found[:n], most=MOST)
        if result:
            return n, result
    pytest.fail("nothing was concluded")


def test_nothing_is_concluded_from_a_few_probes() -> None:
    assert conclusion(probes(LEAST - 1, quality=1.0), most=MOST) is None


def test_a_much_better_model_is_let_in_early() -> None:
    n, result = concluded(probes(MOST, quality=0.95, baseline=0.4))
    assert (result.lets_in, n < MOST / 2) == (True, True)


def test_one_good_but_far_too_dear_is_turned_away_early() -> None:
    n, result = concluded(probes(MOST, quality=0.8, cost=1.2))
    assert (result.lets_in, n < MOST / 2) == (False, True)


def test_a_bad_and_cheap_model_is_turned_away() -> None:
    _, result = concluded(probes(MOST, quality=0.1, baseline=0.8))
    assert (result.lets_in, result.reason) == (False, "it could win nowhere")


def test_one_as_good_at_a_lower_price_is_let_in() -> None:
    assert concluded(probes(MOST, quality=0.7, baseline=0.6))[1].lets_in


def test_one_that_is_good_in_a_single_category_is_let_in_for_it() -> None:
    found = probes(MOST, quality=0.1, baseline=0.8)
    found[::3] = probes(20, quality=0.8, baseline=0.6, category="code")
    _, result = concluded(found)
    assert (result.lets_in, result.numbers["best_category"]) == (True, "code")


def test_errors_of_verdicts_alone_win_nothing() -> None:
    """The better of two verdicts is better than either, even where no answer is."""
    rng = random.Random(1)
    found = [
        Comparison(
            category="maths",
            quality=rng.uniform(0.2, 0.6),
            cost=0.01,
            judging=0.01,
            baseline=rng.choice([0.3, 0.9]),
        )
        for _ in range(MOST)
    ]
    better = sum(max((each.quality or 0.0) - (each.baseline or 0.0), 0.0) for each in found) / MOST
    assert better > 0.05
    assert not concluded(found)[1].lets_in


def test_one_that_is_good_where_what_was_served_is_poor_is_let_in() -> None:
    rng = random.Random(1)
    served = [rng.choice([0.1, 0.95]) for _ in range(MOST)]
    found = [Comparison(category="m", quality=0.85, cost=0.35, judging=0.005, baseline=each) for each in served]
    _, result = concluded(found)
    assert result.lets_in
    assert result.numbers["gain_behind"] > 0 > result.numbers["gain_in_front"]


@pytest.mark.parametrize(
    ("gain", "made", "lets_in"),
    [(0.02, MOST, True), (0.0005, MOST, False), (0.008, LOOKS * MOST, True), (0.003, LOOKS * MOST, False)],
)
def test_where_a_policy_predicts_what_a_model_adds_that_decides_and_in_doubt_more_probes(
    gain: float, made: int, lets_in: bool
) -> None:
    found = [replace(each, gain=gain) for each in probes(LOOKS * MOST, quality=0.6, baseline=0.6)]
    n, result = concluded(found)
    assert (n, result.lets_in, result.numbers["gain_predicted"]) == (made, lets_in, gain)


def test_all_requests_that_were_looked_at_count_and_not_only_those_that_were_probed() -> None:
    found = [replace(each, gain=0.02) for each in probes(MOST, quality=0.6, baseline=0.6)]
    probed = [Prospect(made=n, category="maths", gain=0.02) for n in range(MOST)]
    others = [Prospect(made=n, category="maths", gain=0.0) for n in range(MOST) for _ in range(40)]
    assert conclusion(found, most=MOST, prospects=probed) is not None
    result = conclusion(found, most=MOST, prospects=[*probed, *others])
    assert result is not None
    assert (result.lets_in, result.numbers["gain_predicted"]) == (False, pytest.approx(0.0005, abs=1e-4))


def test_one_that_is_much_better_in_a_single_category_by_what_is_predicted_is_let_in_for_it() -> None:
    found = [replace(each, gain=0.0) for each in probes(MOST, quality=0.6, baseline=0.6)]
    found[::6] = [replace(each, gain=0.06) for each in probes(10, quality=0.6, baseline=0.6, category="code")]
    prospects = [
        Prospect(made=n, category=each.category, gain=each.gain or 0.0)
        for n, each in enumerate(found)
        for _ in range(5 if each.category == "code" else 8)
    ]
    result = conclusion(found, most=MOST, prospects=prospects)
    assert result is not None
    assert (result.lets_in, result.numbers["best_category"]) == (True, "code")


def test_what_was_predicted_before_anything_was_learned_does_not_count() -> None:
    gains = [0.5] * (MOST // 2) + [0.0] * (MOST // 2)
    found = [replace(e, gain=g) for e, g in zip(probes(MOST, quality=0.6, baseline=0.6), gains, strict=True)]
    assert not concluded(found)[1].lets_in


def test_a_few_predictions_decide_nothing() -> None:
    found = probes(MOST, quality=0.72, baseline=0.65)
    assert concluded([replace(found[0], gain=-1.0), *found[1:]])[1].lets_in


def test_a_model_whose_calls_fail_is_turned_away() -> None:
    failed = [Comparison(category="maths", quality=None, cost=0.0, judging=0.0, baseline=0.5)] * LEAST
    assert concluded(failed)[1] == Conclusion(
        lets_in=False, reason="most of its probes failed", numbers={"probes": LEAST, "failed": LEAST}
    )


def test_probes_that_can_be_compared_with_nothing_come_to_an_end() -> None:
    n, result = concluded(probes(TRIES * MOST, quality=0.9, baseline=None))
    assert (n, result.lets_in) == (TRIES * MOST, False)


def test_what_the_numbers_are_is_told() -> None:
    _, result = concluded(probes(MOST, quality=0.95, baseline=0.4))
    assert result.numbers["gain_in_place"] == pytest.approx(0.5, abs=0.15)
