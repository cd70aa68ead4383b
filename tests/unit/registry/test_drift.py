"""A model whose answers change is noticed, by itself, soon, and not when something else changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.registry.drift import EVERY_MODEL, Drift
from bandit_router.types import Attempt, Event, Feedback, Judged, Judgement, Outcome
from tests.factories import START, make_context, make_decision, make_step

GOOD = {"small": 0.55, "large": 0.75}
HARD = {"law": 0.3, "maths": 0.0}


def answered(seq: int, model: str, quality: float | None, category: str = "maths") -> Event:
    attempt = Attempt(index=0, model=model, tier=0, status="ok", cost_usd=0.001, latency_s=0.1)
    judgement = None if quality is None else Judgement(quality=quality)
    decision = make_decision(seq, context=make_context(seq, category=category))
    outcome = Outcome(
        decision_id=decision.id,
        finished_at=START,
        status="ok",
        steps=(make_step(),),
        history=(Judged(attempt=attempt, judgement=judgement),),
        served=0,
        latency_s=0.1,
    )
    return Event(seq=seq, kind="finished", decision=decision, outcome=outcome)


def stream(
    n: int,
    *,
    seed: int = 1,
    start: int = 1,
    mean: dict[str, float] = GOOD,
    models: tuple[str, ...] = (),
    categories: tuple[str, ...] = ("maths",),
) -> Iterator[Event]:
    """Yield judged answers, each by one of `models` (all of `mean`) drawn alike; the judge's error is wide."""
    rng = random.Random(seed)
    for seq in range(start, start + n):
        model, category = rng.choice(models or tuple(mean)), rng.choice(categories)
        good = rng.random() < mean[model] - HARD.get(category, 0.0)
        yield answered(seq, model, min(max(rng.gauss(0.65 if good else 0.35, 0.2), 0.0), 1.0), category)


def after(*parts: Iterator[Event]) -> Drift:
    drift = Drift()
    for part in parts:
        drift.learn(list(part))
    return drift


def test_models_that_stay_as_they_are_raise_no_alarm() -> None:
    assert after(stream(8_000)).changes == []


def test_a_model_that_falls_is_alarmed_within_200_uses_by_its_name_with_the_numbers() -> None:
    drift = after(stream(4_000), stream(600, seed=2, start=4_001, mean=GOOD | {"large": 0.3}))
    (change,) = drift.changes
    assert (change.model, change.kind, change.category) == ("large", "worse", "maths")
    assert change.seq < 4_400  # every second use is the other model's
    assert change.seen < change.expected - 0.05


def test_a_fall_in_one_category_is_noticed_and_named() -> None:
    both = ("maths", "law", "code", "poems")
    fallen = (answered(4_000 + i, "large", 0.3 + 0.1 * (i % 3), "law") for i in range(1, 150))
    (change, *_) = after(stream(4_000, categories=both), fallen).changes
    assert (change.model, change.category) == ("large", "law")


def test_other_questions_are_no_alarm() -> None:
    before = stream(4_000, categories=("maths", "maths", "maths", "law"))
    assert after(before, stream(1_000, seed=2, start=4_001, categories=("law",))).changes == []


def test_a_change_of_all_models_alike_names_none() -> None:
    stricter = {model: mean - 0.35 for model, mean in GOOD.items()}
    (change,) = after(stream(4_000), stream(600, seed=2, start=4_001, mean=stricter)).changes
    assert (change.model, change.kind) == (EVERY_MODEL, "worse")


@pytest.mark.parametrize("seed", [5, 8, 21])
def test_a_change_of_all_names_none_though_the_first_alarmed_had_bad_luck_before(seed: int) -> None:
    before = {f"model-{number}": 0.6 for number in range(6)}
    stricter = {model: mean - 0.25 for model, mean in before.items()}
    (change, *_) = after(stream(3_000, mean=before), stream(400, seed=seed, start=3_001, mean=stricter)).changes
    assert (change.model, change.kind) == (EVERY_MODEL, "worse")


@pytest.mark.parametrize("seed", [33, 44])
def test_a_fall_is_that_of_its_model_though_few_answers_of_the_other_were_poor_by_chance(seed: int) -> None:
    mostly, fallen = ("large",) * 9 + ("small",), GOOD | {"large": 0.4}
    (change, *_) = after(stream(4_000), stream(400, seed=seed, start=4_001, mean=fallen, models=mostly)).changes
    assert (change.model, change.kind) == ("large", "worse")


def test_answers_that_were_not_judged_tell_nothing() -> None:
    drift = after(stream(2_000))
    before = drift.dump()
    drift.learn([answered(2_001, "large", None)])
    assert drift.dump() == before


def fed_back(event: Event, score: float) -> Event:
    return replace(event, kind="feedback", feedback=score)


def test_feedback_on_answers_that_were_not_judged_counts() -> None:
    rng, drift = random.Random(3), Drift()
    for seq in range(1, 1_200):
        score = float(rng.random() < (0.9 if seq < 1_000 else 0.3))
        drift.learn([fed_back(answered(seq, "large", None), score)])
    assert [(c.model, c.kind, c.category) for c in drift.changes] == [("large", "worse", "maths")]


def test_feedback_on_a_judged_answer_is_not_counted_twice() -> None:
    drift = after(stream(500))
    before = drift.dump()
    drift.learn([fed_back(answered(501, "large", 0.7), 0.0)])
    assert drift.dump() == before


def test_what_is_said_again_of_an_answer_that_was_not_judged_is_no_further_use() -> None:
    drift, said = after(stream(500)), fed_back(answered(501, "large", None), 0.0)
    drift.learn([said])
    before = drift.dump()
    pieces = tuple(
        Feedback(id=str(n), decision_id=said.decision.id, score=0.0, received_at=said.decision.created_at)
        for n in range(2)
    )
    drift.learn([replace(said, seq=502, heard=pieces)])
    assert drift.dump() == before


def test_what_was_said_before_a_request_had_finished_counts() -> None:
    early, after_all = Drift(), Drift()
    early.learn([replace(answered(1, "large", None), feedback=0.0)])
    after_all.learn([answered(1, "large", None), fed_back(answered(1, "large", None), 0.0)])
    assert early.dump() == after_all.dump() != Drift().dump()


def test_a_rise_is_noticed_too() -> None:
    risen = stream(1_000, seed=2, start=4_001, mean=GOOD | {"small": 0.95})
    assert [(c.model, c.kind) for c in after(stream(4_000), risen).changes] == [("small", "better")]


def test_a_fall_soon_after_a_rise_is_noticed_too() -> None:
    risen = GOOD | {"small": 0.95}
    drift = after(stream(4_000), stream(300, seed=2, start=4_001, mean=risen))
    assert [c.kind for c in drift.changes] == ["better"]
    drift.learn(stream(200, seed=5, start=4_301, mean=GOOD | {"small": 0.3}))
    assert [(c.model, c.kind) for c in drift.changes[1:]] == [("small", "worse")]


def test_what_is_expected_is_learned_anew_after_a_change() -> None:
    drift = after(stream(4_000), stream(600, seed=2, start=4_001, mean=GOOD | {"large": 0.3}))
    assert drift.expected("large") is None
    drift.learn(list(stream(1_000, seed=3, start=4_601, mean=GOOD | {"large": 0.3})))
    assert drift.expected("large") == pytest.approx(0.44, abs=0.04)
    assert len(drift.changes) == 1


def test_it_goes_on_from_its_artifact_as_if_nothing_had_been() -> None:
    whole, first = Drift(), Drift()
    events = list(stream(3_000, categories=("maths", "law")))
    whole.learn(events)
    first.learn(events[:1_500])
    second = Drift(first.dump())
    second.learn(events[1_500:])
    assert second.dump() == whole.dump()


@pytest.mark.parametrize("artifact", [b"{", b"[]", b'{"format": "drift-1"}', b'{"format": "other"}'])
def test_an_artifact_that_cannot_be_read_is_refused(artifact: bytes) -> None:
    with pytest.raises(CorruptArtifact, match="drift"):
        Drift(artifact)
