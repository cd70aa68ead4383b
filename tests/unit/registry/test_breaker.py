"""A model whose calls fail is left out, tried again after a while, and taken back when it answers."""

from __future__ import annotations

import pytest

from bandit_router.errors import ProviderError
from bandit_router.registry.breaker import Breaker
from bandit_router.registry.guarded import Guarded
from bandit_router.types import Action, ChatRequest, Completion, Model

SMALL, LARGE, FUSION = Action(model="small"), Action(model="large"), Action(model="fusion", fuses=True)
MODEL = Model(name="small", target="small", tier=0, input_usd_per_token=0.0, output_usd_per_token=0.0)


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(failures=3, open_s=10.0, max_open_s=30.0, clock=time)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed("small", "error")


def test_failures_in_a_row_leave_a_model_out(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.admitted((SMALL, LARGE)) == (SMALL, LARGE)
    fail(breaker, 1)
    assert breaker.admitted((SMALL, LARGE)) == (LARGE,)


def test_an_answer_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded("small")
    fail(breaker, 2)
    assert breaker.state("small") == "closed"


def test_a_refusal_is_no_failure_of_the_endpoint(breaker: Breaker) -> None:
    for _ in range(9):
        breaker.failed("small", "refused")
    assert breaker.state("small") == "closed"


def test_it_is_used_all_the_same_when_nothing_else_is_left(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.admitted((SMALL,)) == (SMALL,)


def test_what_fuses_answers_is_not_something_else(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.admitted((SMALL, FUSION)) == (SMALL, FUSION)


def test_after_a_while_one_trial_goes_through_at_a_time(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    time.now += 10
    assert breaker.admitted((SMALL, LARGE)) == (SMALL, LARGE)
    breaker.began("small", 5.0)
    assert breaker.admitted((SMALL, LARGE)) == (LARGE,)
    time.now += 5
    assert breaker.state("small") == "half_open"


def test_a_trial_that_fails_leaves_it_out_for_twice_as_long_up_to_a_limit(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    for open_s in (20.0, 30.0, 30.0):
        time.now += 30
        breaker.began("small", 5.0)
        fail(breaker, 1)
        time.now += open_s - 0.1
        assert breaker.state("small") == "open"
        time.now += 0.1
        assert breaker.state("small") == "half_open"
    assert breaker.trips("small") == 4


def test_a_trial_that_is_answered_takes_it_back(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    time.now += 10
    breaker.began("small", 5.0)
    breaker.succeeded("small")
    assert breaker.state("small") == "closed"


def test_calls_that_fail_while_it_is_out_do_not_prolong_that(breaker: Breaker, time: Time) -> None:
    fail(breaker, 6)
    time.now += 10
    assert breaker.state("small") == "half_open"


class Flaky:
    """A provider that fails as long as it is told to."""

    down = True

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        if self.down:
            raise ProviderError("error", "down")
        return Completion(message={}, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.0)


async def test_calls_through_it_open_and_close_the_circuit(breaker: Breaker, time: Time) -> None:
    flaky = Flaky()
    guarded = Guarded(flaky, breaker)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await guarded.complete(MODEL, ChatRequest(messages=()), timeout_s=1.0)
    assert breaker.state("small") == "open"
    flaky.down, time.now = False, time.now + 10
    await guarded.complete(MODEL, ChatRequest(messages=()), timeout_s=1.0)
    assert breaker.state("small") == "closed"
