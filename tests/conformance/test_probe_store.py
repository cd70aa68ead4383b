"""What probes came to is read beside what users got, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bandit_router.store.log import Log
from bandit_router.store.probes import Probes
from bandit_router.types import Decision, Pmf, Quiet
from tests.factories import MODELS, START, make_decision, make_failed, make_judged, make_outcome, make_step


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine)
    yield opened
    opened.close()


async def probed(log: Log, user: Decision, *, number: int, quality: float | None = 0.7, served: float | None) -> None:
    """Log a user's request, and a probe of `large` beside it."""
    probe = make_decision(number, model="large", kind="probe", parent=user.id)
    for decision, outcome in (
        (user, make_outcome(user, quality=served)),
        (probe, make_outcome(probe, quality=quality)),
    ):
        await log.decided(decision)
        await log.finished(outcome)


async def test_a_probe_is_compared_with_what_the_user_got(engine: Engine, log: Log) -> None:
    user = make_decision(1, value_usd=0.01)
    await probed(log, user, number=2, served=0.4)
    (found,) = Probes(engine).comparisons("large", START)
    judged = make_judged(model="large")
    assert (found.category, found.quality) == ("maths", 0.7)
    assert found.cost == pytest.approx(judged.attempt.cost_usd / 0.01)
    assert found.judging == pytest.approx((judged.cost_usd - judged.attempt.cost_usd) / 0.01)
    assert found.baseline == pytest.approx(0.4 - judged.cost_usd / 0.01)


async def test_where_the_users_answer_was_not_judged_the_prediction_of_it_stands_in(engine: Engine, log: Log) -> None:
    step = make_step(pmf=Pmf(probs=(1.0, 0.0, 0.0), predicted=(0.55, None, 0.1)), actions=MODELS)
    await probed(log, make_decision(1, step=step), number=2, served=None)
    (found,) = Probes(engine).comparisons("large", START)
    assert found.baseline == 0.55


async def test_without_either_a_probe_is_compared_with_nothing(engine: Engine, log: Log) -> None:
    step = make_step(pmf=Pmf(probs=(1.0, 0.0, 0.0)), actions=MODELS)
    await probed(log, make_decision(1, step=step), number=2, served=None)
    assert Probes(engine).comparisons("large", START)[0].baseline is None


@pytest.mark.parametrize(
    ("predicted", "gain"), [((0.5, 0.6, 0.64), 0.04), ((0.5, None, 0.45), -0.05), ((0.5, 0.6, None), None), ((), None)]
)
async def test_what_a_model_was_expected_to_add_is_read(
    engine: Engine, log: Log, predicted: tuple[float | None, ...], gain: float | None
) -> None:
    user, model = make_decision(1), MODELS[2].model
    step = make_step(pmf=Pmf(probs=(0.0, 0.0, 1.0), predicted=predicted), actions=MODELS, chosen=2)
    probe = make_decision(2, model=model, kind="probe", parent=user.id, step=step)
    for decision in (user, probe):
        await log.decided(decision)
        await log.finished(make_outcome(decision))
    (found,) = Probes(engine).comparisons(model, START)
    assert found.gain == (None if gain is None else pytest.approx(gain))


async def test_a_probe_that_failed_has_no_quality(engine: Engine, log: Log) -> None:
    user, probe = make_decision(1), make_decision(2, model="large", kind="probe", parent=make_decision(1).id)
    failed = make_outcome(probe, history=(make_failed(model="large"),), served=None, status="failed")
    for decision, outcome in ((user, make_outcome(user)), (probe, failed)):
        await log.decided(decision)
        await log.finished(outcome)
    assert Probes(engine).comparisons("large", START)[0].quality is None


async def test_probes_of_other_models_and_from_before_do_not_count(engine: Engine, log: Log) -> None:
    await probed(log, make_decision(1), number=2, served=0.4)
    probes, later = Probes(engine), START + timedelta(days=1)
    assert probes.comparisons("small", START) == probes.comparisons("large", later) == []
    assert probes.counts({"large": START, "small": START}) == {"large": 1, "small": 0}
    assert probes.counts({"large": later}) == {"large": 0}


async def test_requests_since_the_last_probe_of_a_model_are_counted(engine: Engine, log: Log) -> None:
    await probed(log, make_decision(1), number=2, served=0.4)
    for number, policy in ((3, "live"), (4, "live"), (5, "pinned")):
        await log.decided(decision := make_decision(number, policy=policy))
        await log.finished(make_outcome(decision))
    later = START + timedelta(seconds=3)
    found = Probes(engine).quiet({"large": START, "small": START}, but="pinned")
    assert found["large"] == Quiet(since=make_decision(2).created_at, requests=2)
    assert found["small"] == Quiet(since=START, requests=3)
    assert Probes(engine).quiet({"large": later}, but="pinned") == {"large": Quiet(since=later, requests=1)}
