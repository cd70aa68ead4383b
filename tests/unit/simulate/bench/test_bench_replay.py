"""Policies play through a stream as in the product: what they see, what it costs, what they learn from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from bandit_router.types import STOP, Action, Event, Pmf, State
from simulate.bench.record import Run
from simulate.bench.replay import Replay
from simulate.bench.stand_ins import Oracle, Uniform
from simulate.bench.stream import Setting, make_stream, outcomes
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

SETTING = Setting(value_usd=1.0, judge_cost_usd=0.001)


class Scripted:
    """Tries models in order, then stops; remembers what it saw and learned."""

    name, version = "scripted", "0"

    def __init__(self, *models: str, judge: float | None = None, serve: int | None = None) -> None:
        self._plan, self._judge, self._serve = models, judge, serve
        self.states: list[State] = []
        self.offers: list[tuple[Action, ...]] = []
        self.events: list[Event] = []

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        self.states.append(state)
        self.offers.append(tuple(actions))
        wanted = (*self._plan, STOP)[len(state.history)]
        judge = () if self._judge is None else (self._judge,) * len(actions)
        return Pmf(probs=tuple(float(a.model == wanted) for a in actions), judge=judge, serve=self._serve)

    def learn(self, events: Sequence[Event], /) -> None:
        self.events += events

    def dump(self) -> bytes:
        return b""


def run(world: World, policy: Scripted, setting: Setting = SETTING) -> Run:
    stream = make_stream(world, setting, 0)
    tally = Replay(world, setting, stream, [policy]).play(lambda _: policy, lambda _: None)
    return tally.run("p", "k", 0)


def test_the_cost_is_that_of_every_model_and_verdict(world: World) -> None:
    assert run(world, Scripted("m0", "m1")).cost_usd.tolist() == pytest.approx([0.001 + 0.01 + 2 * 0.001] * 4)


def test_the_answer_with_the_best_verdict_is_served_the_later_among_equals(world: World) -> None:
    played = run(world, Scripted("m0", "m1"))
    assert played.quality.tolist() == [1.0] * 4


def test_the_policy_may_choose_which_answer_is_served(world: World) -> None:
    played = run(world, Scripted("m2", "m0", serve=1))
    assert sorted(played.quality.tolist()) == [0.0, 0.0, 1.0, 1.0]


def test_an_answer_that_is_not_judged_costs_no_verdict_and_has_no_quality(world: World) -> None:
    policy = Scripted("m0", judge=0.0)
    played = run(world, policy)
    assert (played.judged.sum(), played.cost_usd.tolist()) == (0, [0.001] * 4)
    assert policy.states[-1].history[0].judgement is None


def test_about_the_share_of_answers_asked_for_is_judged() -> None:
    world = make_world([[1.0]] * 2000, [[0.001]] * 2000)
    policy = Scripted("m0", judge=0.3)
    assert run(world, policy).judged.mean() == pytest.approx(0.3, abs=0.04)
    assert policy.events[0].outcome.steps[0].judge_propensity == 0.3


def test_the_panel_is_the_mean_of_the_verdicts_and_its_cost_is_shared() -> None:
    world = make_world([[1.0]], [[0.5]], judge="recorded", recorded=[[[0.2, 0.6]]])
    policy = Scripted("m0")
    run(world, policy)
    judgement = policy.states[-1].history[0].judgement
    assert judgement is not None
    assert judgement.quality == pytest.approx(0.4)
    assert [(v.judge, v.score, v.cost_usd) for v in judgement.verdicts] == [("j0", 0.2, 0.0005), ("j1", 0.6, 0.0005)]


def test_rules_stand_beside_where_asked_for_and_cost_and_grade_nothing() -> None:
    world = make_world([[1.0]], [[0.5]], judge="rules+recorded", recorded=[[[0.2, 0.6]]])
    policy = Scripted("m0")
    run(world, policy)
    judgement = policy.states[-1].history[0].judgement
    assert judgement is not None
    assert (judgement.quality, judgement.cost_usd) == (pytest.approx(0.4), pytest.approx(0.001))
    assert (judgement.verdicts[0].judge, judgement.verdicts[0].score) == ("rules", 1.0)


def test_expected_costs_include_the_judges(world: World) -> None:
    policy = Scripted("m0")
    run(world, policy)
    assert [a.cost_usd for a in policy.offers[0]] == pytest.approx([0.002, 0.011, 0.101])


def test_after_the_last_attempt_allowed_only_stop_is_offered() -> None:
    world = make_world([[0.0] * 6], [[0.1] * 6])
    policy = Scripted("m0", "m1", "m2", "m3")
    run(world, policy, Setting(value_usd=1.0, max_attempts=4))
    assert [len(offer) for offer in policy.offers] == [6, 6, 5, 4, 1]


def test_every_query_is_learned_once_in_order_and_feedback_right_after_it(world: World) -> None:
    policy = Scripted("m0")
    run(world, policy, Setting(value_usd=1.0, feedback_rate=1.0))
    assert [event.seq for event in policy.events] == list(range(1, 9))
    assert [event.kind for event in policy.events] == ["finished", "feedback"] * 4
    assert all(a.decision is b.decision for a, b in zip(policy.events[::2], policy.events[1::2], strict=True))


def test_feedback_is_the_true_score_of_the_answer_served_whatever_the_judge_said(world: World) -> None:
    noisy = make_world(world.scores.tolist(), world.costs.tolist(), judge="noise:5")
    policy = Scripted("m0")
    played = run(noisy, policy, Setting(value_usd=1.0, feedback_rate=1.0))
    assert [event.feedback for event in policy.events[1::2]] == played.quality.tolist()


def test_feedback_comes_for_about_the_share_of_queries_asked_for() -> None:
    world = make_world([[1.0]] * 2000, [[0.1]] * 2000)
    policy = Scripted("m0")
    run(world, policy, Setting(value_usd=1.0, feedback_rate=0.05))
    assert sum(event.kind == "feedback" for event in policy.events) / 2000 == pytest.approx(0.05, abs=0.02)


def test_policies_see_verdicts_and_never_scores() -> None:
    world = make_world([[1.0]], [[0.5]], judge="recorded", recorded=[[[0.25]]])
    policy = Scripted("m0")
    run(world, policy)
    assert policy.events[0].outcome.quality == 0.25


def test_a_row_has_the_same_noise_and_draws_wherever_it_comes_in_the_order() -> None:
    world = make_world([[0.5, 0.5]] * 50, [[1, 2]] * 50, judge="noise:0.1", categories=["a", "b"] * 25)
    plain = make_stream(world, SETTING, 3)
    moved = make_stream(world, Setting(value_usd=1.0, scenario="category_shift"), 3)
    assert not np.array_equal(plain.order, moved.order)
    assert np.array_equal(plain.noise[plain.order.argsort()], moved.noise[moved.order.argsort()])
    assert np.array_equal(plain.draws[plain.order.argsort()], moved.draws[moved.order.argsort()])


def test_a_pmf_that_does_not_sum_to_1_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="sums to"):
        run(world, Scripted("nobody"))


def test_random_starts_with_each_model_about_equally_often_and_never_climbs() -> None:
    world = make_world([[0.0, 0.0]] * 1000, [[1, 2]] * 1000)
    stream = make_stream(world, SETTING, 0)
    played = Replay(world, SETTING, stream, []).play(lambda _: Uniform(), lambda _: None).run("r", "r", 0)
    assert played.start.mean() == pytest.approx(0.5, abs=0.05)
    assert (played.attempts.max(), played.judged.max()) == (1, 0)


def test_the_oracle_takes_the_best_model_of_every_row(world: World) -> None:
    stream = make_stream(world, SETTING, 0)
    block = outcomes(world, stream, stream.phases[0])
    policy = Oracle.of(world, block, 1.0)
    played = Replay(world, SETTING, stream, []).play(lambda _: policy, lambda _: None).run("o", "o", 0)
    by_row = dict(zip(stream.order.tolist(), played.start.tolist(), strict=True))
    assert by_row == {0: 0, 1: 1, 2: 0, 3: 1}


def test_progress_adds_up_to_the_queries_played() -> None:
    world = make_world([[1.0]] * 250, [[1]] * 250)
    ticks: list[int] = []
    setting = Setting(value_usd=1.0, scenario="recovery")
    Replay(world, setting, make_stream(world, setting, 0), []).play(lambda _: Uniform(), ticks.append)
    assert sum(ticks) == 250


def test_with_a_budget_the_pacer_moves_the_dial_that_policies_see(world: World) -> None:
    policy = Scripted("m0")
    run(world, policy, Setting(value_usd=1.0, budget_usd=0.0005))
    dials = [state.value_usd for state in policy.states if not state.history]
    assert dials[0] == 1.0
    assert all(later < earlier for earlier, later in pairwise(dials))
