"""Plays one entrant on the stream of one seed: the unit of work that every engine spreads."""

from __future__ import annotations

from dataclasses import replace

from bandit_router.protocols import LearningPolicy, Policy
from simulate.bench.entrants import Entrant, build_entrant
from simulate.bench.peer import play_peer
from simulate.bench.record import Run
from simulate.bench.replay import PolicyFor, Replay
from simulate.bench.stand_ins import Oracle, Uniform
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import Tick, World


def play(world: World, setting: Setting, entrant: Entrant, seed: int, *, tick: Tick) -> Run:
    """Return what became of every query; equal arguments give equal runs, wherever they are played."""
    stream = make_stream(world, setting, seed)
    if entrant.kind == "peer":
        return play_peer(world, setting, stream, entrant.budget_usd, tick=tick).run(entrant.name, "peer", seed)
    if entrant.budget_usd:
        setting = replace(setting, budget_usd=entrant.budget_usd)
    policy_for, learners = _policy(world, setting, entrant)
    tally = Replay(world, setting, stream, learners).play(policy_for, tick)
    return tally.run(entrant.title, entrant.kind, seed)


def _policy(world: World, setting: Setting, entrant: Entrant) -> tuple[PolicyFor, list[LearningPolicy]]:
    if entrant.kind == "oracle":
        return lambda block: Oracle.of(world, block, setting.value_usd), []
    policy: Policy = Uniform()
    learners: list[LearningPolicy] = []
    if entrant.specs:
        policy, learners = build_entrant(entrant)
    return lambda _block: policy, learners
