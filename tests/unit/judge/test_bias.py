"""The bias watch finds the lean that is there, with its size, and none that is not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import pytest

from bandit_router.errors import StoreUnavailable
from bandit_router.judge.bias import Bias, biases
from bandit_router.judge.graded import Graded, graded
from bandit_router.judge.report import Report, report
from bandit_router.judge.watch import Watch
from bandit_router.types import Event
from tests.factories import START
from tests.unit.judge.verdicts import answer_events, taught, world

LIMITS = {"length": 0.2, "family": 0.3, "order": 0.2, "position": 0.1}
FAMILIES = {"gpt-4": "gpt", "gpt-5": "gpt", "claude-4": "claude", "gemini-2": "gemini"}
Lean = Callable[[Graded], float]


def squash(number: float) -> float:
    return float(1 / (1 + np.exp(-number)))


def answers(lean: Lean, *, labelled: bool, n: int = 1500, seed: int = 0) -> list[Graded]:
    """Return answers graded by a leaning judge and two upright ones; better answers are longer."""
    rng, made = np.random.default_rng(seed), []
    for number in range(n):
        truth = bool(rng.random() < 0.6)
        bare = Graded(
            verdicts={},
            quality=None,
            truth=float(truth) if labelled else None,
            model=list(FAMILIES)[number % len(FAMILIES)],
            output_tokens=int(200 * np.exp(rng.normal() + 0.5 * truth)),
            earlier=int(rng.random() < 0.4),
        )
        upright = {name: squash(2 * truth - 1 + rng.normal()) for name in ("b", "c")}
        made.append(replace(bare, verdicts={"a": squash(2 * truth - 1 + rng.normal() + lean(bare)), **upright}))
    return made


def found(made: Sequence[Graded]) -> dict[tuple[str, str], Bias]:
    return {(bias.judge, bias.against): bias for bias in biases(made, families=FAMILIES, limits=LIMITS)}


def longer(answer: Graded) -> float:
    return 0.8 * (np.log(answer.output_tokens) - 5.6)


def own(answer: Graded) -> float:
    return 1.0 if answer.model.startswith("gpt") else 0.0


def later(answer: Graded) -> float:
    return -1.0 if answer.earlier else 0.0


def nowhere(_: Graded) -> float:
    return 0.0


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    ("lean", "against", "sign"), [(longer, "length", 1), (own, "family gpt", 1), (later, "order", -1)]
)
def test_a_lean_is_found_and_warned_of(lean: Lean, against: str, sign: int, labelled: bool) -> None:
    bias = found(answers(lean, labelled=labelled))["a", against]
    assert bias.warning
    assert bias.low <= bias.effect <= bias.high
    assert sign * bias.effect > 0.3
    assert bias.reference == ("truth" if labelled else "consensus")


@pytest.mark.parametrize("seed", range(3))
def test_upright_judges_are_not_warned_of(seed: int) -> None:
    assert not [bias for bias in found(answers(nowhere, labelled=True, seed=seed)).values() if bias.warning]


def test_intervals_at_equal_quality_hold_no_lean_19_times_in_20() -> None:
    inside = [
        bias.low <= 0 <= bias.high
        for seed in range(20)
        for bias in found(answers(nowhere, labelled=True, n=400, seed=seed)).values()
    ]
    assert np.mean(inside) > 0.9


def test_a_small_lean_is_shown_without_a_warning() -> None:
    bias = found(answers(lambda answer: 0.2 * longer(answer), labelled=True))["a", "length"]
    assert (bias.low > 0, bias.warning) == (True, False)


def test_a_few_answers_are_no_ground_for_a_figure() -> None:
    assert found(answers(own, labelled=True, n=30)) == {}


def test_a_judge_alone_without_truth_cannot_be_measured() -> None:
    alone = [replace(each, verdicts={"a": each.verdicts["a"]}) for each in answers(own, labelled=False)]
    assert found(alone) == {}


def test_an_answer_counts_once_with_the_latest_feedback() -> None:
    events = answer_events(1, {"a": 0.7, "b": None}, 0.0) + answer_events(1, {"a": 0.7}, 1.0)[1:]
    (only,) = graded(events)
    assert (only.verdicts, only.truth, only.earlier) == ({"a": 0.7}, 1.0, 0)


def test_the_report_tells_each_judges_figures_and_weight() -> None:
    events = world({"a": lambda _, good: 0.9 if good else 0.1, "b": lambda rng, _: rng.random()}, 200)
    told = report(graded(events), weights=taught(events).weights, families={}, limits=LIMITS)
    panel, right, guess = told.standings
    assert (panel.judge, right.judge, guess.judge) == ("panel", "a", "b")
    assert (right.figures.auc, right.figures.ece, right.figures.brier) == (
        1.0,
        pytest.approx(0.1),
        pytest.approx(0.01),
    )
    assert (right.weight or 0) > 2 > abs(guess.weight or 9)
    assert (panel.weight, panel.answers, panel.figures.n) == (None, 200, 200)


@dataclass
class Journal:
    """A journal in memory."""

    events: Sequence[Event] = field(default_factory=list)
    failing: bool = False

    def read(self, cursor: int, /, *, limit: int) -> Sequence[Event]:
        if self.failing:
            raise StoreUnavailable("told to fail")
        return [event for event in self.events if event.seq > cursor][:limit]

    def head(self) -> int:
        return self.events[-1].seq if self.events else 0


def watch(journal: Journal, **changes: object) -> Watch:
    given: dict[str, object] = {"weights": dict, "families": {}, "limits": dict.fromkeys(LIMITS, 1e-9)}
    return Watch(source=journal, **(given | changes))  # type: ignore[arg-type]


def leaning() -> Journal:
    events: list[Event] = []
    rng = np.random.default_rng(1)
    for number in range(1, 201):
        good, model = bool(rng.random() < 0.5), ("gpt-4", "claude-4")[number % 2]
        said = 0.3 + 0.3 * good + 0.3 * (model == "gpt-4") + 0.05 * rng.random()
        events += answer_events(number, {"a": said}, float(good), model=model)
    return Journal(events)


def test_a_look_logs_what_is_past_its_limit(caplog: pytest.LogCaptureFixture) -> None:
    looking = watch(leaning(), families=FAMILIES)
    with caplog.at_level(logging.WARNING):
        looking.look_safely()
    assert any("judge a" in message and "family gpt" in message for message in caplog.messages)
    assert isinstance(looking.newest, Report)


def test_only_the_process_whose_turn_it_is_looks() -> None:
    looking = watch(leaning(), turn=lambda: False)
    looking.look_safely()
    assert looking.newest is None


def test_a_database_that_is_down_leaves_the_last_report(caplog: pytest.LogCaptureFixture) -> None:
    looking = watch(leaning())
    looking.look_safely()
    kept, looking.source = looking.newest, Journal(failing=True, events=leaning().events)
    with caplog.at_level(logging.WARNING):
        looking.look_safely()
    assert looking.newest is kept
    assert "could not be looked at" in caplog.text


@pytest.mark.parametrize("first", [1, 2, 77, 200, 201])
def test_a_look_since_a_moment_starts_at_the_first_decision_after_it(first: int) -> None:
    journal = leaning()
    moment = START + timedelta(seconds=first)
    rest = journal.read(watch(journal).cursor_at(moment), limit=1)
    assert [event.decision.created_at for event in rest] == ([moment] if first <= 200 else [])
