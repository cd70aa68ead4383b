"""`make bench`: prints how long the parts of a request take on this machine; it asserts nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid

from bandit_router.context.build import Builder, load_builder
from bandit_router.policy.draw import draw
from bandit_router.policy.load import build, load_specs
from bandit_router.protocols import LearningPolicy, Policy
from bandit_router.resources import shipped
from bandit_router.reward.utility import reward
from bandit_router.settings import ContextSettings
from bandit_router.store.log import Log
from bandit_router.store.session import migrate, open_engine
from bandit_router.types import (
    Action,
    Attempt,
    ChatRequest,
    Context,
    Decision,
    Event,
    Judged,
    Judgement,
    Outcome,
    State,
    Step,
    Verdict,
)
from simulate.bench.entrants import load_entrants
from simulate.bench.judges import parse_judge
from simulate.bench.play import play
from simulate.bench.stream import Setting
from simulate.bench.world import load_world
from simulate.outcomes import demo_table

ACTIONS = tuple(Action(model=f"model-{i}", tier=i // 2, cost_usd=0.00003 * 3.0**i) for i in range(6))
MANY = tuple(Action(model=f"model-{i}", tier=i // 50, cost_usd=0.00003 * 1.03**i) for i in range(200))
WORDS = ("solve", "the", "integral", "of", "rational", "functions", "then", "explain", "each", "step", "to", "students")
VALUE_USD = 0.01


def main(rounds: int = 2000) -> None:
    """Measure everything and print a table: microseconds, median and 99th percentile."""
    rows = asyncio.run(_measure(rounds)) + _simulation()
    grid = Grid(box=SIMPLE_HEAD)
    grid.add_column("what")
    for column in ("median us", "p99 us", "a second"):
        grid.add_column(column, justify="right")
    for name, seconds in rows:
        middle, slow = median(seconds), quantiles(seconds, n=100)[-1]
        grid.add_row(name, f"{middle * 1e6:,.0f}", f"{slow * 1e6:,.0f}", f"{len(seconds) / sum(seconds):,.0f}")
    Console().print(grid)


async def _measure(rounds: int) -> list[tuple[str, list[float]]]:
    rng = random.Random(0)
    requests = [_request(rng) for _ in range(rounds)]
    contexts = await load_builder(ContextSettings())
    built, rows = await _contexts(contexts, requests)
    policies = build(load_specs(shipped("policies")), {}, reward=reward)
    for name, policy in track(policies.items(), "policies", transient=True):
        rows += _policy(name, policy, built, rng)
    rows.append(await _decisions(contexts, policies["index"], rounds, rng))
    rows += [_of_many(n, built[:500], rng) for n in (25, 50, 100, 200)]
    rows.append(_of_many(200, built[:500], rng, new=100))
    return rows + await _log(built[:300])


def _request(rng: random.Random) -> ChatRequest:
    text = " ".join(rng.choices(WORDS, k=60))[:300]
    return ChatRequest(messages=({"role": "user", "content": text},))


async def _contexts(
    builder: Builder, requests: Sequence[ChatRequest]
) -> tuple[list[Context], list[tuple[str, list[float]]]]:
    built, seconds = [], []
    for request in requests:
        started = time.perf_counter()
        built.append(await builder.build(request))
        seconds.append(time.perf_counter() - started)
    return built, [("context of 300 new characters", seconds)]


def _policy(
    name: str, policy: Policy, contexts: Sequence[Context], rng: random.Random
) -> list[tuple[str, list[float]]]:
    if isinstance(policy, LearningPolicy):
        learned = [_timed(partial(policy.learn, [_event(policy, context, rng)])) for context in contexts]
        rows = [(f"{name}: one event learned", learned)]
    else:
        rows = []
    states = [State(context=context, value_usd=VALUE_USD) for context in contexts]
    decided = [_timed(partial(_decide, policy, state, rng)) for state in states]
    return [*rows, (f"{name}: pmf and draw, 6 models", decided)]


async def _decisions(builder: Builder, policy: Policy, rounds: int, rng: random.Random) -> tuple[str, list[float]]:
    """Time what a request waits for before its first model call: context, pmf and draw, of prompts not seen before."""
    seconds = []
    for request in [_request(rng) for _ in range(rounds)]:
        started = time.perf_counter()
        context = await builder.build(request)
        _decide(policy, State(context=context, value_usd=VALUE_USD), rng)
        seconds.append(time.perf_counter() - started)
    return "index: context, pmf and draw, 6 models", seconds


def _of_many(n: int, contexts: Sequence[Context], rng: random.Random, *, new: int = 0) -> tuple[str, list[float]]:
    """Time decisions among n models that were tried before, but for the new ones."""
    policy = build(load_specs(shipped("policies")), {}, reward=reward)["index"]
    assert isinstance(policy, LearningPolicy)
    for place in range(2 * n):
        tried = MANY[place % (n - new)]
        policy.learn([_event(policy, contexts[place % len(contexts)], rng, (tried,))])
    states = [State(context=context, value_usd=VALUE_USD) for context in contexts]
    seconds = [_timed(partial(_decide, policy, state, rng, MANY[:n])) for state in states]
    return f"index: pmf and draw, {n} models{f', {new} of them new' if new else ''}", seconds


def _simulation(queries: int = 1500) -> list[tuple[str, list[float]]]:
    """Play the demonstration's table, contexts ready, learning after each query."""
    judge = parse_judge("noise:0.1")
    world = load_world(demo_table(None), judge, needed=range(len(demo_table(None).rows)), tick=lambda _: None)
    setting = Setting(value_usd=VALUE_USD, judge_cost_usd=0.00005, feedback_rate=0.05, rows=queries)
    rows = []
    for entrant in load_entrants([str(shipped("policies") / f"{name}.toml") for name in ("vw_cb", "index")]):
        started = time.perf_counter()
        play(world, setting, entrant, 0, tick=lambda _: None)
        each = (time.perf_counter() - started) / queries
        rows.append((f"{entrant.name}: a simulated query, learned (mean)", [each] * queries))
    return rows


def _decide(policy: Policy, state: State, rng: random.Random, actions: Sequence[Action] = ACTIONS) -> int:
    return draw(policy.pmf(state, actions), rng.random())


def _event(policy: Policy, context: Context, rng: random.Random, actions: Sequence[Action] = ACTIONS) -> Event:
    """Return a request that started somewhere and was served what it got, judged at random."""
    state = State(context=context, value_usd=VALUE_USD)
    pmf, actions = policy.pmf(state, actions), tuple(actions)
    step = Step(
        index=0, actions=actions, pmf=pmf, chosen=draw(pmf, rng.random()), policy=policy.name, version=policy.version
    )
    action, quality, now = step.action, rng.random(), datetime.now(UTC)
    attempt = Attempt(
        index=0, model=action.model, tier=action.tier, status="ok", cost_usd=action.cost_usd, latency_s=1.0
    )
    judged = Judged(
        attempt=attempt, judgement=Judgement(quality=quality, verdicts=(Verdict(judge="grader", score=quality),))
    )
    decision = Decision(
        id=f"{rng.getrandbits(96):024x}",
        created_at=now,
        context=context,
        policy=policy.name,
        version=policy.version,
        value_usd=VALUE_USD,
        step=step,
    )
    outcome = Outcome(
        decision_id=decision.id,
        finished_at=now,
        status="ok",
        steps=(step,),
        history=(judged,),
        served=0,
        latency_s=1.0,
    )
    return Event(seq=1, kind="finished", decision=decision, outcome=outcome)


async def _log(contexts: Sequence[Context]) -> list[tuple[str, list[float]]]:
    policy, rng = build(load_specs(shipped("policies")), {}, reward=reward)["cheapest"], random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        engine = open_engine(url)
        log, seconds = Log(engine), []
        for event in [_event(policy, context, rng) for context in contexts]:
            started = time.perf_counter()
            await log.decided(event.decision)
            await log.finished(event.outcome)
            seconds.append(time.perf_counter() - started)
        log.close()
        engine.dispose()
    return [("log: decided and finished, durable, one client", seconds)]


def _timed(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
