"""Which shadows are called beside a request, as what, and out of which purse."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from bandit_router.aside import Run
from bandit_router.errors import UnknownPolicy
from bandit_router.experiment.history import ended, standings
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.router import Ask
from bandit_router.shadower import Shadower
from bandit_router.types import ChatRequest, Decision, Shadow
from tests.factories import START, make_decision, make_outcome, make_step
from tests.unit.experiment.history import ARMS, make_spec, start

GHOST: dict[str, Any] = {"name": "ghost", "policy": "b", "shadow": True, "call": True, "budget_usd_per_day": 0.5}
ASK = Ask(request=ChatRequest(messages=({"role": "user", "content": "Hello"},)))


def spec(**changes: Any) -> ExperimentSpec:
    return make_spec(arms=[*ARMS, GHOST | changes])


@dataclass
class World:
    """Policies, models, bills, and a runner that keeps what it is offered."""

    known: tuple[str, ...] = ("b", "trial.ghost")
    offered: list[Run] = field(default_factory=list)

    def offer(self, run: Run, /) -> bool:
        self.offered.append(run)
        return True

    def get(self, name: str, /) -> Any:
        if name not in self.known:
            raise UnknownPolicy(name, self.known)
        return SimpleNamespace(name=name)

    def names(self) -> tuple[str, ...]:
        return self.known

    def of_arm(self, experiment: str, arm: str, moment: datetime, /) -> float:
        return 0.25 if (experiment, arm) == ("trial", "ghost") else 0.0


def shadower(world: World, made: ExperimentSpec, *, stopped: bool = False) -> Shadower:
    standing = standings([start(made)])["trial"]
    events = [start(made), *([ended(standing, at=START, by="ann")] if stopped else [])]
    return Shadower(
        found=lambda: standings(events),
        catalog=lambda: SimpleNamespace(models=()),  # type: ignore[arg-type,return-value]
        policies=world,
        runner=world,
        spent=world,
    )


def asked(**changes: Any) -> Decision:
    return make_decision(1, **{"experiment": "trial", "arm": "old", "unit": "ab", "shadows": (DRAWN,)} | changes)


DRAWN = Shadow(arm="ghost", step=make_step())


def runs(made: ExperimentSpec, decision: Decision | None = None, **settings: Any) -> list[Run]:
    world = World()
    shadower(world, made, **settings)(ASK, decision or asked(), make_outcome(1))
    return world.offered


def test_a_shadow_goes_on_from_what_was_drawn_as_a_copy_that_learns_by_itself() -> None:
    (run,) = runs(spec())
    assert (run.kind, run.arm, run.policy.name, run.opening) == ("shadow", "ghost", "trial.ghost", DRAWN.step)


def test_a_shadow_that_learns_from_all_is_the_policy_as_everybody_has_it() -> None:
    (run,) = runs(spec(learn_from="all"))
    assert run.policy.name == "b"


async def test_a_shadow_has_one_purse_for_all_requests() -> None:
    world = World()
    made = shadower(world, spec())
    made(ASK, asked(), make_outcome(1))
    made(ASK, asked(), make_outcome(1))
    first, second = (run.purse for run in world.offered)
    assert first is not None
    assert first is second
    assert await first.left(START) == pytest.approx(0.25)


@pytest.mark.parametrize("decision", [asked(experiment=None), asked(experiment="other"), asked(shadows=())])
def test_nothing_is_called_beside_a_request_without_such_a_shadow(decision: Decision) -> None:
    assert runs(spec(), decision) == []


def test_a_shadow_that_only_decides_is_not_called() -> None:
    assert runs(spec(call=False, budget_usd_per_day=None)) == []


def test_a_stopped_experiment_calls_no_shadow() -> None:
    assert runs(spec(), stopped=True) == []


def test_a_shadow_whose_policy_is_not_here_yet_is_left_out() -> None:
    world = World(known=("a",))
    shadower(world, spec())(ASK, asked(), make_outcome(1))
    assert world.offered == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shadow": False}, "call is for an arm with shadow = true"),
        ({"budget_usd_per_day": None}, "what may a day of its answers cost"),
        ({"call": False}, "go together"),
    ],
)
def test_a_shadow_that_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(**changes)
