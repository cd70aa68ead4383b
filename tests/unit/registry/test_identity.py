"""A model whose provider answers with another version is noticed, once, and not for a stray answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandit_router.registry.drift import Drift
from bandit_router.registry.identity import STEADY, Identity
from bandit_router.registry.lifecycle import VERSION, replaced, to_probe
from bandit_router.types import Event, ModelEvent, ModelRecord, ModelState
from tests.factories import START, make_event, make_judged


def noticed(versions: Sequence[str]) -> list[str]:
    """Return what was answered with before each change noticed."""
    identity = Identity()
    return [was for version in versions if (was := identity.saw(version)) is not None]


def answered(seq: int, model: str, fingerprint: str | None = None) -> Event:
    event = make_event(seq)
    judged = make_judged(provider_model=model, system_fingerprint=fingerprint)
    return replace(event, seq=seq, outcome=replace(event.outcome, history=(judged,)))


def test_another_version_is_noticed_once_it_has_come_to_stay() -> None:
    assert noticed(["a"] * 3 + ["b"] * (STEADY - 1)) == []
    assert noticed(["a"] * 3 + ["b"] * 3 * STEADY) == ["a"]


def test_a_stray_answer_by_another_version_is_no_change() -> None:
    assert noticed(["a", "b", "a", "b"] * STEADY) == []


def test_a_provider_that_goes_back_and_forth_between_versions_known_changes_nothing() -> None:
    assert noticed(["a"] * STEADY + ["b"] * STEADY + ["a"] * STEADY + ["b"] * STEADY) == ["a"]


@pytest.mark.parametrize(("before", "after"), [(("m-1", None), ("m-2", None)), (("m", "fp_1"), ("m", "fp_2"))])
def test_a_model_is_told_by_its_name_or_its_fingerprint(before: tuple[str, str], after: tuple[str, str]) -> None:
    drift = Drift()
    drift.learn([answered(seq, *(before if seq < 9 else after)) for seq in range(1, 9 + STEADY)])
    (found,) = drift.replaced
    assert (found.model, found.seq) == ("small", 8 + STEADY)


def test_a_provider_that_says_nothing_of_versions_changes_none() -> None:
    drift = Drift()
    drift.learn([answered(seq, "") for seq in range(1, 50)])
    assert drift.replaced == []


def test_what_was_noticed_survives_a_restart_bit_for_bit() -> None:
    events = [answered(seq, "m-1" if seq < 9 else "m-2") for seq in range(1, 20)]
    whole, first = Drift(), Drift()
    whole.learn(events)
    first.learn(events[:11])
    again = Drift(first.dump())
    again.learn(events[11:])
    assert again.dump() == whole.dump()
    assert again.replaced == whole.replaced


def test_an_active_model_with_another_version_is_probed_again_and_learners_are_told() -> None:
    drift = Drift()
    drift.learn([answered(seq, "m-1" if seq < 9 else "m-2") for seq in range(1, 20)])
    record = ModelRecord(name="small", state="active", since=START, reason="named in router.toml")
    event = replaced(drift.replaced[0], {"small": record}, now=START)
    assert (event.state, event.reason, event.changed) == ("active", VERSION, True)
    assert (event.numbers["was"], event.numbers["now"]) == ("m-1", "m-2")
    assert to_probe(replace(record, reason=event.reason))


def changed(state: ModelState, **numbers: float) -> ModelEvent:
    """Return the event of another version of a model in a state."""
    drift = Drift()
    drift.learn([answered(seq, "m-1" if seq < 9 else "m-2") for seq in range(1, 20)])
    record = ModelRecord(name="small", state=state, since=START, reason="some reason", numbers=numbers)
    return replaced(drift.replaced[0], {"small": record}, now=START)


def test_a_degraded_model_with_another_version_stays_so_from_now_on_and_is_probed_again() -> None:
    assert changed("degraded", expected=0.8, seen=0.2).state == "degraded"


def test_a_degraded_model_with_another_version_is_still_known_by_what_it_was_before() -> None:
    numbers = changed("degraded", expected=0.8, seen=0.2).numbers
    assert (numbers["expected"], numbers["seen"], numbers["now"]) == (0.8, 0.2, "m-2")


@pytest.mark.parametrize("state", ["probing", "retired"])
def test_a_model_that_is_not_used_keeps_its_state_whatever_its_version(state: ModelState) -> None:
    assert changed(state).state is None
