import numpy as np
import pytest

from bandit_router.policy.index.decide import (
    Belief,
    Tried,
    difficulty,
    floored,
    hoped,
    lookahead,
    reservations,
    square_cb,
    wondered,
)
from bandit_router.policy.index.predictor import NODES, WEIGHTS, logistic
from bandit_router.policy.index.space import Vector
from bandit_router.policy.index.verdicts import Verdicts

CHANNEL = Verdicts().channel


SURE = np.full(len(NODES), 0.4)
"""An answer at hand that is as good whatever the query's difficulty."""
UNSURE = logistic(2 * NODES - 0.6)
"""One of about the same worth that is good on easy queries."""


def belief(*logits: float, cost: float = 0.1, judging: float = 0.01, hand: Vector | None = SURE) -> Belief:
    good = logistic(np.array(logits)[:, None] + 1.5 * NODES)
    return Belief(
        good=good, difficulty=WEIGHTS, cost=np.full(len(logits), cost), judging=judging, hand=hand, channel=CHANNEL
    )


def enumerated(at: Belief, first: int, second: int) -> float:
    """Return what a judged call of one model is worth if another may follow, one outcome after the other."""
    channel, value = at.channel, -at.cost[first] - at.judging
    for ratio, good, bad in zip(channel.odds, channel.good, channel.bad, strict=True):
        chance = at.difficulty * (bad + (good - bad) * at.good[first])
        now = chance / chance.sum()
        new = at.good[first] * ratio / (at.good[first] * ratio + 1 - at.good[first])
        hand = new if at.hand is None or now @ new >= now @ at.hand else at.hand
        blind = max(now @ at.good[second], now @ hand)
        judged = -at.judging
        for again, well, ill in zip(channel.odds, channel.good, channel.bad, strict=True):
            then = now * (ill + (well - ill) * at.good[second])
            later = at.good[second] * again / (at.good[second] * again + 1 - at.good[second])
            judged += max(then @ later, then @ hand)
        value += chance.sum() * max(now @ hand, max(blind, judged) - at.cost[second])
    return float(value)


def test_an_index_solves_its_equation() -> None:
    at = belief(0.3)
    (index,) = reservations(at)
    gain = float(at.seen[:, 0] @ np.maximum(at.held[:, 0] - index, 0))
    assert gain == pytest.approx(0.11)


def test_with_no_answer_at_hand_an_index_is_at_least_that_of_serving_unjudged() -> None:
    at = belief(0.3, judging=5.0, hand=None)
    assert reservations(at)[0] == pytest.approx(at.p[0] - 0.1)


def test_a_dearer_model_has_a_lower_index() -> None:
    assert reservations(belief(0.3, cost=0.2))[0] < reservations(belief(0.3, cost=0.1))[0]


def test_a_verdict_that_costs_too_much_is_not_worth_it() -> None:
    at = belief(0.3, 0.6, judging=5.0)
    judged, blind = lookahead(at, reservations(at))
    assert (judged < blind).all()


def test_a_free_verdict_is_never_worth_less_than_none() -> None:
    at = belief(-0.3, 0.6, 1.0, judging=0.0)
    judged, blind = lookahead(at, reservations(at))
    assert (judged >= blind - 1e-12).all()


def test_looking_ahead_never_calls_the_same_model_twice() -> None:
    alone, twice = belief(0.3), belief(0.3, -30.0)
    one = lookahead(alone, reservations(alone))[0][0]
    assert lookahead(twice, reservations(twice))[0][0] == pytest.approx(one)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_verdicts_are_right_on_average(p: float) -> None:
    channel, at = Verdicts().channel, np.array([p])
    assert float(channel.seen(channel.mixture(at))[:, 0] @ channel.held(at)[:, 0]) == pytest.approx(p, abs=0.005)


@pytest.mark.parametrize("hand", [None, SURE, UNSURE])
def test_looking_ahead_finds_what_going_through_all_outcomes_finds(hand: Vector | None) -> None:
    at = belief(0.3, -0.2, cost=0.05, hand=hand)
    judged, _ = lookahead(at, reservations(at))
    # The channel's steps are few: its posteriors are right on average to some thousandths.
    assert judged == pytest.approx([enumerated(at, 0, 1), enumerated(at, 1, 0)], abs=0.005)


def test_what_verdicts_will_say_of_an_answer_at_hand_averages_to_what_is_believed_now() -> None:
    at = belief(0.3, 0.9, hand=UNSURE)
    good, bad = at.channel.good[:, None], at.channel.bad[:, None]
    seen = bad + (good - bad) * (at.mixture @ at.difficulty)
    assert (seen * at.kept).sum(axis=0) == pytest.approx(np.full(2, at.best))


def test_a_poor_verdict_on_another_makes_the_answer_at_hand_look_worse() -> None:
    at = belief(0.3, hand=UNSURE)
    assert at.kept[0, 0] < at.best < at.kept[-1, 0]


def test_going_on_is_worth_less_where_the_answer_at_hand_stands_or_falls_with_the_next() -> None:
    scale = float(WEIGHTS @ UNSURE) / 0.4
    apart, alike = belief(0.3, hand=SURE), belief(0.3, hand=UNSURE / scale)
    assert alike.best == pytest.approx(apart.best)
    assert reservations(alike)[0] < reservations(apart)[0] - 0.01


def test_an_index_that_is_not_given_is_worked_out() -> None:
    at = belief(0.3, 0.6, 0.1, 0.5)
    given, found = lookahead(at, reservations(at), most=1), lookahead(at, most=1)
    assert given[0].tolist() == found[0].tolist() != lookahead(at)[0].tolist()


def test_a_last_call_is_valued_without_another() -> None:
    at = belief(0.3, 0.6)
    index = reservations(at)
    assert (lookahead(at, index, last=True)[0] < lookahead(at, index)[0]).all()


def test_a_poor_verdict_makes_the_query_look_difficult() -> None:
    good, verdicts = logistic(NODES), Verdicts()
    poor = Tried(good=good, posterior=good, log_likelihood=verdicts.log_likelihood(-1.5, good))
    assert float(difficulty([poor]) @ NODES) < -0.1


def test_an_answer_without_a_verdict_says_nothing_of_the_difficulty() -> None:
    good = logistic(NODES)
    assert difficulty([Tried(good=good, posterior=good, log_likelihood=None)]) == pytest.approx(WEIGHTS)


def test_square_cb_gives_the_rest_to_the_best() -> None:
    assert square_cb(np.array([0.0, 1.0, 0.5]), np.full(3, 2.0)) == pytest.approx([1 / 5, 1 - 1 / 5 - 1 / 4, 1 / 4])


def test_a_model_is_tried_with_a_share_of_its_chance_to_be_the_best() -> None:
    probs = wondered(np.array([0.99, 0.01, 0.0]), np.array([0.0, 0.1, 0.1]), np.array([0.1, 0.1, 0.05]), 0.2)
    assert probs == pytest.approx([1 - 0.2 * (0.158655 + 0.02275), 0.2 * 0.158655, 0.2 * 0.02275], abs=1e-6)


def test_a_model_that_is_tried_more_anyway_is_left_as_it_is() -> None:
    probs = wondered(np.array([0.9, 0.1]), np.array([0.0, 0.1]), np.array([0.1, 0.1]), 0.2)
    assert probs == pytest.approx([0.9, 0.1])


def test_a_model_that_is_told_apart_is_no_longer_wondered_about() -> None:
    assert wondered(np.array([1.0, 0.0]), np.array([0.0, 0.1]), np.array([0.0, 0.01]), 1.0)[1] < 1e-20


def test_of_many_unknown_models_the_best_keeps_half_of_what_it_has() -> None:
    probs = wondered(np.eye(1, 100)[0], np.full(100, 0.01) * (np.arange(100) > 0), np.full(100, 0.1), 1.0)
    assert (probs[0], probs.sum(), probs.min()) == pytest.approx((0.5, 1.0, 0.5 / 99))


def test_the_floor_raises_only_what_is_explored() -> None:
    probs = floored(np.array([0.99, 0.01, 0.0]), np.array([True, True, False]), 0.05)
    assert probs == pytest.approx([0.95, 0.05, 0.0])


def test_floors_of_many_models_leave_half_of_the_starts() -> None:
    probs = floored(np.eye(1, 100)[0], np.ones(100, dtype=bool), 0.2)
    assert probs[0] == pytest.approx(1 - 99 * 0.005)


def test_a_model_pushed_under_the_floor_by_others_is_raised_too() -> None:
    probs = floored(np.array([0.0, 0.9, 0.1]), np.array([True, True, True]), 0.1)
    assert probs == pytest.approx([0.1, 0.8, 0.1])


def test_a_verdict_that_just_pays_is_as_likely_to_pay_as_not() -> None:
    even, hopeless = hoped(np.array([0.5, 0.2]), np.array([0.5, 0.5]), np.array([0.6, 0.2]))
    assert even == pytest.approx(0.5)
    assert hopeless == pytest.approx(0.0)


def test_a_verdict_that_would_just_pay_one_deviation_up_is_asked_for_in_one_of_six() -> None:
    assert hoped(np.array([0.4]), np.array([0.5]), np.array([0.5]))[0] == pytest.approx(0.159, abs=0.001)
