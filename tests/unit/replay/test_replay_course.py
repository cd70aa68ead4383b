"""Weights along a logged cascade: what the target would have done over what was done, judging included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandit_router.replay.course import walk
from bandit_router.types import STOP, Action, Event, Pmf, State
from tests.factories import make_decision, make_judged, make_outcome, make_step


class Known:
    """Starts and stops with given probabilities; after an answer that was not judged it always stops."""

    name, version = "known", "0"

    def __init__(self, start: float, stop: float, *, judge: float = 1.0) -> None:
        self._start, self._stop, self._judge = start, stop, judge

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        if not state.history:
            rest = (1 - self._start) / (len(actions) - 1)
            probs = tuple(self._start if action.model == "small" else rest for action in actions)
        else:
            stop = 1.0 if state.history[-1].judgement is None else self._stop
            rest = (1 - stop) / (len(actions) - 1)
            probs = tuple(stop if action.is_stop else rest for action in actions)
        return Pmf(probs=probs, judge=tuple(1.0 if action.is_stop else self._judge for action in actions))


def event(*, judge: float = 1.0, judged: bool = True) -> Event:
    """A decision that starts with small (0.8), and stops (0.7) with its answer."""
    step = make_step(pmf=Pmf(probs=(0.8, 0.1, 0.1), judge=(judge, judge, judge)), judged=judged)
    decision = make_decision(step=step)
    answer = make_judged() if judged else replace(make_judged(), judgement=None)
    return Event(
        seq=1, kind="finished", decision=decision, outcome=make_outcome(decision, history=(answer,), steps=_steps(step))
    )


def _steps(first: object) -> tuple[object, ...]:
    return (first, make_step(1, model=STOP))


def test_a_weight_is_the_product_of_the_steps_ratios() -> None:
    course = walk(Known(0.4, 0.35), event(), max_attempts=None)
    assert course.weight == pytest.approx(0.4 / 0.8 * 0.35 / 0.7)
    assert course.full == course.weight
    assert course.cost_usd == event().outcome.cost_usd


def test_where_the_judges_were_sure_to_be_asked_not_asking_is_averaged_over() -> None:
    course = walk(Known(0.8, 0.2, judge=0.5), event(), max_attempts=None)
    stops = 0.5 * 0.2 + 0.5 * 1.0
    assert course.weight == pytest.approx(stops / 0.7)
    judges = make_judged().judgement
    assert judges is not None
    asked = 0.5 * 0.2 / stops
    assert course.cost_usd == pytest.approx(event().outcome.cost_usd - judges.cost_usd * (1 - asked))


def test_a_sampled_verdict_is_left_to_the_chance_of_seeing_it() -> None:
    course = walk(Known(0.8, 0.7, judge=0.5), event(judge=0.25), max_attempts=None)
    assert course.weight == pytest.approx((0.5 * 0.7 + 0.5 * 1.0) / 0.7)
    assert course.full == pytest.approx(0.5 / 0.25)


def test_an_answer_that_was_not_judged_weighs_by_not_asking() -> None:
    course = walk(Known(0.8, 0.7, judge=0.5), event(judge=0.25, judged=False), max_attempts=None)
    assert course.full == pytest.approx(0.5 / 0.75 * 1.0 / 0.7)


def test_what_the_log_could_not_do_is_lost() -> None:
    sure = event()
    first = replace(sure.outcome.steps[0], pmf=Pmf(probs=(1.0, 0.0, 0.0)))
    only = replace(sure, outcome=replace(sure.outcome, steps=(first, *sure.outcome.steps[1:])))
    course = walk(Known(0.4, 0.7), only, max_attempts=None)
    assert course.lost == pytest.approx(0.6)
    assert course.bound == pytest.approx(0.4 * max(0.7 / 0.7, 0.1 / 0.1))
