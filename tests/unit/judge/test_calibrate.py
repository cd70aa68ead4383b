"""The calibrator: what verdicts are worth, learned from labels, whatever judges there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit_router.errors import CorruptArtifact
from bandit_router.judge.calibrate import LABELS, Calibrator
from bandit_router.judge.measure import measure
from bandit_router.types import Judgement, Verdict
from tests.unit.judge.verdicts import answer_events, judgement, taught, world

ASKED = {"model": "small", "category": "maths"}


def right(_: np.random.Generator, good: bool) -> float:
    return 0.9 if good else 0.2


def wrong(_: np.random.Generator, good: bool) -> float:
    return 0.2 if good else 0.9


def chance(rng: np.random.Generator, _: bool) -> float:
    return float(rng.random())


def constant(_: np.random.Generator, __: bool) -> float:
    return 0.9


def decent(rng: np.random.Generator, good: bool) -> float:
    return float(1 / (1 + np.exp(-0.8 * (2 * good - 1) - rng.normal())))


def says(calibrator: Calibrator, **verdicts: float | None) -> float:
    quality = calibrator.quality(judgement(verdicts), **ASKED)
    assert quality is not None
    return quality


@given(st.dictionaries(st.sampled_from("abc"), st.none() | st.floats(0, 1)))
def test_before_the_first_label_the_panel_is_taken_at_its_word(verdicts: dict[str, float | None]) -> None:
    assert Calibrator().quality(judgement(verdicts), **ASKED) == judgement(verdicts).quality


def test_a_judge_that_is_always_right_rules_within_300_labels() -> None:
    calibrator = taught(world({"right": right, "random": chance, "constant": constant}, 300))
    assert says(calibrator, right=0.9, random=0.1, constant=0.9) > 0.92
    assert says(calibrator, right=0.2, random=0.9, constant=0.9) < 0.08


def test_a_judge_that_is_always_wrong_is_read_backwards_within_300_labels() -> None:
    calibrator = taught(world({"wrong": wrong, "random": chance}, 300))
    assert calibrator.weights["wrong"] < -2
    assert says(calibrator, wrong=0.2, random=0.5) > 0.93
    assert says(calibrator, wrong=0.9, random=0.5) < 0.07


@pytest.mark.parametrize("seed", range(5))
def test_a_judge_that_guesses_loses_its_weight_within_300_labels(seed: int) -> None:
    weights = taught(world({"decent": decent, "random": chance}, 300, seed=seed)).weights
    assert abs(weights["random"]) < 0.25 * weights["decent"]


def test_a_judge_that_always_says_the_same_has_no_weight() -> None:
    assert taught(world({"decent": decent, "constant": constant}, 300)).weights["constant"] == pytest.approx(
        0, abs=1e-6
    )


def test_a_constant_judge_alone_gives_the_share_of_good_answers() -> None:
    calibrator = taught(world({"constant": constant}, 300, good=0.4))
    assert says(calibrator, constant=0.9) == pytest.approx(0.4, abs=0.07)


def test_two_judges_who_say_the_same_count_as_one() -> None:
    rng = np.random.default_rng(3)
    alone, twice = [], []
    for number in range(300):
        truth = bool(rng.random() < 0.6)
        said = decent(rng, truth)
        alone += answer_events(number, {"a": said}, float(truth))
        twice += answer_events(number, {"a": said, "echo": said}, float(truth))
    one, two = taught(alone), taught(twice)
    for said in (0.1, 0.5, 0.9):
        assert says(two, a=said, echo=said) == pytest.approx(says(one, a=said), abs=0.05)


def test_any_subset_of_the_verdicts_is_calibrated() -> None:
    judges = {"a": decent, "b": decent, "c": decent}
    calibrator = taught(world(judges, 600))
    rng = np.random.default_rng(9)
    truths = rng.random(3000) < 0.6
    for names in ("a", "b", "ab", "bc", "abc"):
        said = [says(calibrator, **{n: decent(rng, bool(t)) for n in names}) for t in truths]
        assert (measure(np.array(said), truths.astype(float)).ece or 0.0) < 0.06


def test_verdicts_that_miss_now_and_then_do_not_bias_the_fit() -> None:
    def absent(rng: np.random.Generator, good: bool) -> float | None:
        return None if rng.random() < 0.6 else right(rng, good)

    calibrator = taught(world({"a": decent, "b": absent}, 600))
    assert says(calibrator, a=0.5, b=0.9) > 0.9
    assert 0.3 < says(calibrator, a=0.5) < 0.85


def test_truth_by_degree_is_learned_as_it_is() -> None:
    rng = np.random.default_rng(4)
    events = []
    for number in range(400):
        truth = float(rng.uniform(0.5, 0.9))
        events += answer_events(number, {"a": min(truth + 0.1, 1.0)}, truth)
    calibrator = taught(events)
    assert says(calibrator, a=0.65) == pytest.approx(0.55, abs=0.06)
    assert says(calibrator, a=0.95) == pytest.approx(0.85, abs=0.06)


def test_a_category_in_which_verdicts_mean_less_is_told_apart() -> None:
    rng, events = np.random.default_rng(5), []
    for number in range(800):
        category = "code" if number % 2 else "maths"
        truth = bool(rng.random() < (0.3 if category == "code" else 0.8))
        events += answer_events(number, {"a": decent(rng, truth)}, float(truth), category=category)
    calibrator, verdict = taught(events), judgement({"a": 0.6})
    maths, code, unknown = (
        calibrator.quality(verdict, model="small", category=name) or 0.0 for name in ("maths", "code", "new")
    )
    assert code + 0.15 < unknown < maths - 0.05


def test_a_model_of_which_little_is_known_is_judged_like_the_others() -> None:
    events = world({"a": decent}, 400)
    events += answer_events(1000, {"a": 0.6}, 0.0, model="newcomer")
    calibrator, verdict = taught(events), judgement({"a": 0.6})
    known = calibrator.quality(verdict, model="small", category="maths") or 0.0
    assert calibrator.quality(verdict, model="newcomer", category="maths") == pytest.approx(known, abs=0.1)


def test_a_likeness_does_not_say_how_good_answers_are_where_a_grader_does() -> None:
    told, untold = (Calibrator(hints=frozenset(hints)) for hints in (["relevance"], []))
    for number in range(40):
        events = answer_events(number, {"grader": 0.9, "relevance": 0.05}, 1.0 if number == 39 else None)
        told.learn(events)
        untold.learn(events)
    verdicts = {"grader": 0.9, "relevance": 0.05}
    assert says(told, **verdicts) > says(untold, **verdicts)


def test_a_new_judge_is_taken_in() -> None:
    calibrator = taught(world({"a": decent}, 200))
    before = says(calibrator, a=0.5)
    assert says(calibrator, a=0.5, b=0.9) == pytest.approx(before, abs=0.02)
    rng = np.random.default_rng(6)
    for number in range(1000, 1200):
        truth = bool(rng.random() < 0.6)
        calibrator.learn(answer_events(number, {"a": decent(rng, truth), "b": right(rng, truth)}, float(truth)))
    assert says(calibrator, a=0.5, b=0.9) > 0.9


def test_verdicts_of_judges_never_heard_of_are_taken_at_their_word() -> None:
    assert says(taught(world({"a": decent}, 100)), stranger=0.37) == 0.37


def test_a_retired_judge_leaves_the_others_calibrated() -> None:
    calibrator = taught(world({"a": decent, "b": right}, 200))
    calibrator.learn(world({"a": decent}, 300, seed=2))
    assert 0.3 < says(calibrator, a=0.5) < 0.8
    assert says(calibrator, a=0.05) < 0.4
    assert says(calibrator, a=0.95) > 0.7


def test_later_feedback_on_an_answer_replaces_what_was_known() -> None:
    calibrator = Calibrator()
    for number in range(60):
        calibrator.learn(answer_events(number, {"a": 0.7}, 1.0))
    for number in range(60):
        calibrator.learn(answer_events(number, {"a": 0.7}, 0.0)[1:])
    assert (calibrator.labels, says(calibrator, a=0.7) < 0.3) == (60, True)


def test_old_labels_make_room() -> None:
    calibrator = taught(world({"a": decent}, LABELS + 5))
    assert calibrator.labels == LABELS


RULES = frozenset({"rules"})


def ruled(score: float, quality: float | None, **verdicts: float) -> Judgement:
    said = [Verdict(judge="rules", score=score), *(Verdict(judge=j, score=v) for j, v in verdicts.items())]
    return Judgement(quality=quality, verdicts=tuple(said))


def with_rules(*, faults_are_bad: bool) -> Calibrator:
    calibrator, rng = Calibrator(rules=RULES), np.random.default_rng(8)
    for number in range(300):
        fault = number % 10 == 0
        truth = not (fault and faults_are_bad) and bool(rng.random() < 0.8)
        a = decent(rng, truth or fault)
        found = ruled(0.1 if fault else 1.0, min(a, 0.1) if fault else a, a=a)
        for event in answer_events(number, {"a": a}, float(truth)):
            judged = replace(event.outcome.history[0], judgement=found)
            calibrator.learn([replace(event, outcome=replace(event.outcome, history=(judged,)))])
    return calibrator


def test_a_fault_of_form_weighs_against_an_answer() -> None:
    faulty = with_rules(faults_are_bad=True).quality(ruled(0.1, 0.1, a=0.9), **ASKED)
    assert (faulty or 1.0) < 0.25


def test_faults_that_clients_do_not_mind_are_forgiven() -> None:
    faulty = with_rules(faults_are_bad=False).quality(ruled(0.1, 0.1, a=0.9), **ASKED)
    assert (faulty or 0.0) > 0.6


def test_an_answer_that_no_client_can_use_stays_at_zero() -> None:
    assert with_rules(faults_are_bad=False).quality(ruled(0.0, 0.0), **ASKED) == 0.0


def test_where_every_grader_failed_the_quality_stays_unknown() -> None:
    assert with_rules(faults_are_bad=True).quality(ruled(1.0, None), **ASKED) is None


def test_rules_alone_give_the_share_of_good_answers() -> None:
    calibrator, rng = Calibrator(rules=RULES), np.random.default_rng(8)
    for number in range(300):
        for event in answer_events(number, {}, float(rng.random() < 0.3)):
            judged = replace(event.outcome.history[0], judgement=ruled(1.0, 1.0))
            calibrator.learn([replace(event, outcome=replace(event.outcome, history=(judged,)))])
    assert calibrator.quality(ruled(1.0, 1.0), **ASKED) == pytest.approx(0.3, abs=0.1)


EVENTS = world({"a": decent, "b": chance}, 60)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, len(EVENTS)))
def test_how_events_are_batched_changes_no_bit(size: int) -> None:
    calibrator = Calibrator()
    for batch in (EVENTS[i : i + size] for i in range(0, len(EVENTS), size)):
        calibrator.learn(batch)
    assert calibrator.dump() == taught(EVENTS).dump()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, len(EVENTS)))
def test_a_restart_goes_on_bit_for_bit(cut: int) -> None:
    restored = Calibrator(artifact=taught(EVENTS[:cut]).dump())
    restored.learn(EVENTS[cut:])
    assert restored.dump() == taught(EVENTS).dump()
    assert says(restored, a=0.3, b=0.9) == says(taught(EVENTS), a=0.3, b=0.9)


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 0), slice(1, None)])
def test_a_damaged_state_is_refused(damage: slice) -> None:
    with pytest.raises(CorruptArtifact):
        Calibrator(artifact=taught(EVENTS).dump()[damage])


def test_signs_that_hold_what_the_judges_said_teach_nothing_of_the_judges() -> None:
    calibrator = Calibrator()
    calibrator.learn([replace(event, signs_only=True) for event in world({"right": right}, 20)])
    assert calibrator.labels == 0
