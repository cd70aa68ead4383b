import numpy as np
import pytest

from bandit_router.policy.index.agreement import MOODS, Agreement
from bandit_router.policy.index.judges import SLOPES
from bandit_router.policy.index.predictor import LOADING


def heard(slope: float, *, loading: float = LOADING[0], queries: int = 1500, alike: float = 0.0) -> Agreement:
    """Return what is learned of a judge of such a slope from two answers each; `alike` is its mood at a query."""
    rng, agreement = np.random.default_rng(0), Agreement()
    # Of two normals of deviation 1 so far apart, the log odds rise by that for each deviation.
    for _ in range(queries):
        hard, mood = rng.normal(), alike * rng.normal()
        good = rng.random(2) < 1 / (1 + np.exp(-0.5 - loading * hard))
        scores = (slope * (good - 0.5) + mood + rng.normal(size=2)) / np.sqrt(1 + slope**2 / 4 + alike**2)
        agreement.note(np.array([0.58, 0.58]), np.exp(np.clip(SLOPES[:, None] * scores, -8, 8)), lambda p: p)
    return agreement


def preferred(agreement: Agreement) -> float:
    """Return the highest slope that is not much less probable than any."""
    logs = agreement.logs()
    return float(SLOPES[np.flatnonzero(logs > logs.max() - 2)[-1]])


def test_nothing_is_known_before_there_are_verdicts() -> None:
    assert np.ptp(Agreement().logs()) == pytest.approx(0.0)


def test_a_judge_whose_verdicts_have_nothing_in_common_cannot_be_sharp() -> None:
    assert preferred(heard(0.05)) < preferred(heard(1.35)) < preferred(heard(2.4))


@pytest.mark.parametrize("slope", [1.35, 2.4])
def test_a_judge_that_tells_good_from_bad_is_not_taken_for_a_worse_one(slope: float) -> None:
    assert preferred(heard(slope)) >= slope


def test_verdicts_with_much_in_common_prove_little() -> None:
    # Harsh on one query and mild on the next, whatever the answers.
    logs = heard(0.05, alike=1.0).logs()
    assert logs[0] >= logs.max() - MOODS


def test_verdicts_with_much_in_common_speak_for_a_sharp_judge_all_the_same() -> None:
    logs = heard(2.4).logs()
    assert logs[0] == pytest.approx(logs.max() - MOODS)


def test_answers_that_do_not_go_together_speak_less_against_a_judge_than_they_would_if_that_were_known() -> None:
    agreement = heard(1.35, loading=0.5, queries=300)
    known = agreement.evidence[:, 3]
    assert np.ptp(agreement.logs()) < np.ptp(known)
