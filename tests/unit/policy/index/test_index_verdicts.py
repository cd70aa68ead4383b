import math

import numpy as np
import pytest

from bandit_router.policy.index.verdicts import Verdicts
from bandit_router.types import Judgement, Verdict


def said(*scores: float | None, quality: float | None = None) -> Judgement:
    known = [score for score in scores if score is not None]
    quality = sum(known) / len(known) if known and quality is None else quality
    verdicts = tuple(Verdict(judge=f"j{i}", score=score) for i, score in enumerate(scores))
    return Judgement(quality=quality, verdicts=verdicts)


def taught(separation: float, n: int = 3000, *, labels: int = 400) -> Verdicts:
    """Return what was learned from verdicts on answers of which half are good, so far apart."""
    rng, verdicts = np.random.default_rng(0), Verdicts()
    for number in range(n):
        good = rng.random() < 0.5
        score = 1 / (1 + np.exp(-(separation * good + rng.normal() - separation / 2)))
        if number >= n - labels:
            found = verdicts.score(said(score))
            assert found is not None
            verdicts.label(found, 0.5, float(good))
        verdicts.saw(said(score), 0.5)
    return verdicts


def odds(verdicts: Verdicts, value: float) -> float:
    """Return the odds of a good answer with a verdict, where they were even."""
    (p,) = verdicts.posterior(verdicts.score(said(value)), np.array([0.5]))
    return float(p / (1 - p))


@pytest.mark.parametrize("separation", [0.7, 1.5, 2.5])
def test_what_a_verdict_says_of_the_odds_is_learned_from_feedback(separation: float) -> None:
    # Of two normals of deviation 1 so far apart, the log odds rise by the distance for each deviation.
    verdicts = taught(separation)
    high, low = (odds(verdicts, 1 / (1 + math.exp(-z))) for z in (0.8, -0.8))
    assert math.log(high / low) == pytest.approx(1.6 * separation, rel=0.25)


def test_a_judge_that_says_nothing_is_found_out() -> None:
    verdicts = taught(0.0, labels=800)
    assert verdicts.slope < 0.2


def test_truths_that_are_right_or_wrong_are_known_for_that_however_far_guesses_are_off() -> None:
    verdicts = Verdicts()
    for number in range(40):
        verdicts.label(2.0 - 4.0 * (number % 2), 0.95 - 0.9 * (number % 2), float(number % 2))
        assert verdicts.dispersion == 1.0


@pytest.mark.parametrize("p", [0.6, 0.9])
def test_how_much_truths_are_a_matter_of_degree_is_known_however_far_guesses_are_off(p: float) -> None:
    rng, verdicts = np.random.default_rng(6), Verdicts()
    truths = rng.beta(9, 1, size=300)  # Their variance is .09 / 11.
    for truth in truths:
        verdicts.label(rng.normal(), p, float(truth))
    assert verdicts.dispersion == pytest.approx(1 / 11, abs=0.04)


def test_where_truths_are_a_matter_of_degree_predictions_weigh_less() -> None:
    rng, verdicts = np.random.default_rng(2), Verdicts()
    for truth in np.clip(rng.normal(0.8, 0.15, size=600), 0, 1):
        judgement = said(float(np.clip(truth + 0.03 * rng.normal(), 0, 1)))
        score = verdicts.score(judgement)
        assert score is not None
        verdicts.label(score, float(rng.uniform(0.4, 0.95)), float(truth))
        verdicts.saw(judgement, 0.8)
    assert verdicts.trust < 0.5


def test_where_answers_are_right_or_wrong_predictions_keep_their_weight() -> None:
    assert taught(1.5).trust > 0.8


def test_a_better_verdict_makes_good_more_probable() -> None:
    verdicts = taught(1.5)
    found = [odds(verdicts, value) for value in (0.1, 0.5, 0.9)]
    assert found == sorted(found)
    assert found[0] < 1 < found[2]


def test_the_scale_of_a_judge_does_not_matter_once_its_ranks_are_known() -> None:
    rng, plain, bent = np.random.default_rng(1), Verdicts(), Verdicts()
    for value in rng.random(2000):
        plain.saw(said(value), 0.5)
        bent.saw(said(0.9 + value / 20), 0.5)
    assert bent.score(said(0.94)) == pytest.approx(plain.score(said(0.8)), abs=0.15)


def test_a_judge_that_failed_is_left_out() -> None:
    verdicts = Verdicts()
    assert verdicts.score(said(0.9, None)) == verdicts.score(said(0.9))


def test_without_any_verdict_there_is_no_score() -> None:
    assert Verdicts().score(said(None, quality=None)) is None


def test_an_answer_not_judged_changes_no_odds() -> None:
    assert Verdicts().posterior(None, np.array([0.3])).tolist() == [0.3]


def test_the_panels_quality_stands_in_for_verdicts_by_judge() -> None:
    verdicts = Verdicts()
    assert verdicts.score(said(quality=0.9)) == verdicts.score(said(0.9))


def test_predictions_that_clients_contradict_are_shifted() -> None:
    verdicts = Verdicts()
    for _ in range(200):
        verdicts.label(0.0, 0.8, 0.0)
    assert verdicts.level < -0.5


def test_a_judge_of_whom_clients_think_otherwise_is_found_to_be_harsh() -> None:
    # Verdicts, and so predictions, are about .55; what clients say is .9, whatever the verdict was.
    rng, verdicts = np.random.default_rng(3), Verdicts()
    for _ in range(150):
        judgement = said(float(1 / (1 + np.exp(-rng.normal(0.2, 0.5)))))
        score = verdicts.score(judgement)
        assert score is not None
        verdicts.saw(judgement, 0.55)
        verdicts.label(score, 0.55, float(np.clip(rng.normal(0.9, 0.08), 0, 1)))
    (p,) = verdicts.posterior(0.0, np.array([1 / (1 + math.exp(-verdicts.level - math.log(0.55 / 0.45)))]))
    assert p == pytest.approx(0.9, abs=0.04)
    assert verdicts.slope < 0.7


def test_a_poor_judge_of_a_matter_of_degree_leaves_predictions_their_weight_and_a_sharp_one_does_not() -> None:
    trusts = []
    for noise in (0.02, 0.6):
        rng, verdicts = np.random.default_rng(4), Verdicts()
        for truth in np.clip(rng.normal(0.7, 0.15, size=400), 0, 1):
            judgement = said(float(np.clip(truth + noise * rng.normal(), 0, 1)))
            score = verdicts.score(judgement)
            assert score is not None
            verdicts.label(score, 0.7, float(truth))
            verdicts.saw(judgement, 0.7)
        trusts.append(verdicts.trust)
    assert trusts[0] < 0.5
    assert trusts[1] > 0.8


def test_verdicts_on_the_same_queries_with_nothing_in_common_tell_a_poor_judge_without_any_feedback() -> None:
    rng, verdicts = np.random.default_rng(5), Verdicts()
    for _ in range(1500):
        pair = [said(float(1 / (1 + np.exp(-z)))) for z in rng.normal(size=2)]
        scores = [verdicts.score(one) for one in pair]
        verdicts.compare(np.array(scores), np.array([0.6, 0.7]))
        for one in pair:
            verdicts.saw(one, 0.65)
    assert verdicts.slope < 0.5 * Verdicts().slope


def test_without_feedback_answers_are_as_good_as_the_panel_says_whatever_was_predicted() -> None:
    verdicts = Verdicts()
    for _ in range(400):
        verdicts.saw(said(0.3), 0.95)
    assert verdicts.held == pytest.approx(0.3, abs=0.05)


def test_a_judge_that_only_looks_for_faults_makes_no_answer_look_good() -> None:
    # The form is in order, and the panel, which knows what that is worth, says 0.2.
    assert Verdicts().score(said(1.0, 0.2, quality=0.2)) == Verdicts().score(said(0.2))


def test_a_few_labels_the_wrong_way_round_do_not_undo_what_all_others_say() -> None:
    verdicts = taught(2.5)
    before = verdicts.slope
    for _ in range(4):
        verdicts.label(1.8, 0.5, 0.0)
        verdicts.label(-1.8, 0.5, 1.0)
    assert verdicts.slope > 0.75 * before


@pytest.mark.parametrize("slope", [0.6, 0.9])
def test_a_weak_judge_of_marks_that_are_a_matter_of_degree_is_not_taken_for_a_sharp_one(slope: float) -> None:
    rng, verdicts, base = np.random.default_rng(0), Verdicts(), 0.92
    verdicts.base = base
    verdicts.hold()
    for score in rng.normal(0.3, 0.9, 150):
        good = 1 / (1 + math.exp(-math.log(base / (1 - base)) - slope * score))
        verdicts.label(score, base, min(max(good + rng.normal(0, 0.05), 0.0), 1.0))
    assert verdicts.slope < 1.1 * slope


def test_judges_may_be_hoped_to_be_better_than_they_seem_until_feedback_tells() -> None:
    untold, told = Verdicts(), taught(1.5)
    at = np.array([0.5])

    def swing(verdicts: Verdicts) -> float:
        """Return by how much more the verdicts hoped for tell than those that are expected."""
        hopeful, expected = (float(np.ptp(channel.held(at))) for channel in (verdicts.hopeful, verdicts.channel))
        return hopeful - expected

    assert swing(untold) > 2 * swing(told) > 0
