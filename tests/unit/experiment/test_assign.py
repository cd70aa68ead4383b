"""Units and arms: the same everywhere, in the shares asked for, and never moved by the ramp."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bandit_router.experiment.assign import Place, Running, Subject, arm_of, fraction, place, policy_name
from bandit_router.experiment.mismatch import mismatch
from bandit_router.experiment.spec import ExperimentSpec

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ARMS = [{"name": "old", "policy": "a", "control": True}, {"name": "new", "policy": "b"}]


def spec(**changes: Any) -> ExperimentSpec:
    return ExperimentSpec.model_validate({"name": "trial", "arms": ARMS} | changes)


def placed(changes: dict[str, Any], *, share: float = 1.0, now: datetime = NOW, **subject: Any) -> Place | None:
    given = {"request": "r"} | subject
    return place([Running(spec=spec(**changes), share=share)], Subject(**given), now=now)


def arms_at(share: float, units: int = 3000) -> dict[str, str]:
    found = {f"{i}": placed({}, share=share, request=f"{i}") for i in range(units)}
    return {unit: at.arm.name for unit, at in found.items() if at}


def test_another_process_finds_the_same_arm() -> None:
    code = "from bandit_router.experiment.assign import fraction; print(repr(fraction('salt', 'unit')))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == repr(fraction("salt", "unit"))


def test_the_hash_of_a_unit_never_changes_between_releases() -> None:
    assert [arm_of(spec(), f"{i}").name for i in range(8)] == ["new", "new", "old", "new", "old", "old", "new", "new"]


def test_a_step_of_the_ramp_moves_no_unit_between_arms() -> None:
    few, more = arms_at(0.2), arms_at(0.7)
    assert few.items() <= more.items()


def test_a_step_of_the_ramp_takes_units_in() -> None:
    assert [round(len(arms_at(share)) / 3000, 1) for share in (0.0, 0.2, 0.7, 1.0)] == [0.0, 0.2, 0.7, 1.0]


def test_the_arms_have_the_shares_that_their_weights_say() -> None:
    uneven = [ARMS[0] | {"weight": 3.0}, ARMS[1]]
    counts = Counter(arm_of(spec(arms=uneven), f"{i}").name for i in range(8000))
    assert not mismatch([counts["old"], counts["new"]], [3, 1]).broken


def test_another_salt_assigns_independently() -> None:
    both = Counter((arm_of(spec(), f"{i}").name, arm_of(spec(salt="x"), f"{i}").name) for i in range(8000))
    assert not mismatch(list(both.values()), [1] * 4).broken


def test_experiments_with_slots_beside_each_other_share_no_unit() -> None:
    left, right = spec(name="left", slots=(0.0, 0.5)), spec(name="right", slots=(0.5, 1.0))
    for i in range(500):
        subject = Subject(request=f"{i}")
        found = [place([Running(spec=each, share=1.0)], subject, now=NOW) for each in (left, right)]
        assert sum(at is not None for at in found) == 1


def test_of_two_experiments_the_first_takes_a_request() -> None:
    both = [Running(spec=spec(name=name, layer=name), share=1.0) for name in ("first", "second")]
    found = place(both, Subject(request="r"), now=NOW)
    assert found is not None
    assert found.experiment == "first"


def test_a_shadow_arm_is_given_no_unit() -> None:
    arms = [*ARMS, {"name": "ghost", "policy": "c", "shadow": True, "weight": 100.0}]
    assert {arm_of(spec(arms=arms), f"{i}").name for i in range(200)} == {"old", "new"}


@pytest.mark.parametrize(
    ("eligible", "subject"),
    [
        ({"categories": ["math"]}, {"category": "law"}),
        ({"keys": ["acme"]}, {"key": "other"}),
        ({"regions": ["eu"]}, {"region": None}),
    ],
)
def test_a_request_that_is_not_eligible_takes_no_part(eligible: dict[str, Any], subject: dict[str, Any]) -> None:
    assert placed({"eligible": eligible}, **subject) is None


def test_an_eligible_request_takes_part() -> None:
    eligible = {"categories": ["math"], "keys": ["acme"], "regions": ["eu"]}
    assert placed({"eligible": eligible}, category="math", key="acme", region="eu")


@pytest.mark.parametrize("days", [-1, 8])
def test_nothing_takes_part_before_the_start_and_after_the_end(days: int) -> None:
    span = {"start": NOW, "end": NOW + timedelta(days=7)}
    assert placed(span, now=NOW + timedelta(days=days)) is None


def test_a_request_without_a_session_takes_no_part_where_sessions_are_the_unit() -> None:
    assert placed({"unit": "session"}) is None


def test_requests_of_one_session_are_one_unit() -> None:
    found = [placed({"unit": "session"}, request=f"{i}", session="s", key="acme") for i in range(20)]
    assert len({(at.unit, at.arm.name) for at in found if at}) == 1


def test_sessions_of_two_keys_are_two_units() -> None:
    one, other = (placed({"unit": "session"}, session="s", key=key) for key in ("a", "b"))
    assert one is not None
    assert other is not None
    assert one.unit != other.unit


def test_an_arm_that_learns_by_itself_has_a_name_of_its_own() -> None:
    old, new = spec(arms=[ARMS[0] | {"learn_from": "all"}, ARMS[1]]).arms
    assert [policy_name(spec(), arm) for arm in (old, new)] == ["a", "trial.new"]
