"""`make bench-newcomer`: prints how well a model that never answered is predicted by `index`; it asserts nothing.

Each model of a table in turn is the newcomer: the policy learns from a stream of queries to the others, then what it
expects of the newcomer is compared with its true scores on the queries after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from bandit_router.cli.output import show, write_json
from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.policy.index.kinship import Kinship, Profile, profiles
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.predictor import WEIGHTS
from bandit_router.policy.index.state import load
from bandit_router.policy.spec import IndexSpec
from bandit_router.resources import shipped
from bandit_router.types import Action
from bandit_router.types.naming import known_maker, line_of, size_of
from simulate.bench.entrants import build_entrant, load_entrants
from simulate.bench.judges import parse_judge
from simulate.bench.replay import Replay
from simulate.bench.scenarios import Phase
from simulate.bench.stream import Setting, Stream, make_stream, rows_of
from simulate.bench.world import World, load_world
from simulate.outcomes import read_table

Floats = NDArray[np.float64]
BENCHMARK: Final = "stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is looked at of the models: how the others turned out, what names tell, what scores are stated."""

    title: str
    others: bool = True
    names: bool = True
    scores: Mapping[str, float]

    def action(self, model: str, cost_usd: float) -> Action:
        """Return a model's action with what is known of it."""
        kin = {"family": known_maker(model), "line": line_of(model), "size_b": size_of(model)} if self.names else {}
        scores = ((BENCHMARK, self.scores[model]),) if model in self.scores else ()
        return Action(model=model, cost_usd=cost_usd, benchmarks=scores, **kin)  # type: ignore[arg-type]


def main(
    *,
    outcomes: Annotated[Path, typer.Argument(help="Outcome table (.jsonl or .jsonl.gz).")],
    judge: Annotated[str, typer.Option(help="As for simulate.")] = "auc:0.85",
    score: Annotated[list[str] | None, typer.Option(help="MODEL=SHARE that a benchmark states; repeatable.")] = None,
    queries: Annotated[int, typer.Option(help="How many the other models answer before.", min=300)] = 3000,
    then: Annotated[int, typer.Option(help="On how many queries the newcomer is predicted.", min=1)] = 1500,
    seeds: Annotated[int, typer.Option(help="How many orders of the queries.", min=1)] = 2,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the tables to this file.")] = None,
) -> None:
    """Print the errors of what is expected of newcomers, by what is known of them."""
    table = read_table(outcomes)
    scores = _scores(score or [], table.models)
    queries = min(queries, 2 * len(table.rows) // 3)
    orders = [rows_of(seed, size=len(table.rows), rows=queries + then) for seed in range(seeds)]
    needed = {int(row) for order in orders for row in order}
    world = load_world(table, parse_judge(judge), needed=needed, tick=lambda _: None)
    lines = list(_lines(world, _knowns(scores), queries=queries, then=then, seeds=seeds))
    rows = [_mean([line for line in lines if line["known"] == each.title]) for each in _knowns(scores)]
    show("newcomers", rows)
    if json_path:
        write_json(json_path, {"means": rows, "models": lines})


def _scores(given: Sequence[str], models: Sequence[str]) -> dict[str, float]:
    found = {}
    for each in given:
        name, _, share = each.rpartition("=")
        if name not in models:
            raise ConfigError(f"--score {each!r}: no model is named {name!r}; {did_you_mean(name, models)}")
        found[name] = float(share)
    return found


def _knowns(scores: Mapping[str, float]) -> list[Known]:
    found = [
        Known(title="its price", others=False, names=False, scores={}),
        Known(title="how the others turned out", names=False, scores={}),
        Known(title="and what names tell of kin", scores={}),
    ]
    return [*found, Known(title="and stated scores", scores=scores)] if scores else found


def _lines(
    world: World, knowns: Sequence[Known], *, queries: int, then: int, seeds: int
) -> Iterator[dict[str, object]]:
    """Yield the errors for every order, newcomer and knowledge."""
    setting = Setting(value_usd=0.01, judge_cost_usd=0.00005, feedback_rate=0.05)
    for seed in range(seeds):
        stream = make_stream(world, setting, seed)
        rows = stream.order[queries : queries + then]
        for newcomer in track(range(len(world.models)), f"order {seed}", transient=True):
            learned = _learned(world, setting, _without(stream, newcomer, queries))
            truth = world.scores[rows, newcomer]
            for known in knowns:
                expected = _expected(world, learned, rows, newcomer, known)
                about = {"known": known.title, "model": world.models[newcomer], "seed": seed}
                yield about | _errors(expected, truth, [world.contexts[row].category for row in rows])


def _without(stream: Stream, newcomer: int, queries: int) -> Stream:
    return replace(stream, phases=(Phase(name="before", start=0, stop=queries, absent=(newcomer,)),))


def _learned(world: World, setting: Setting, stream: Stream) -> bytes:
    (entrant,) = load_entrants([str(shipped("policies") / "index.toml")])
    policy, learners = build_entrant(entrant)
    Replay(world, setting, stream, learners).play(lambda _block: policy, lambda _: None)
    return learners[0].dump()


def _expected(world: World, artifact: bytes, rows: NDArray[np.int64], newcomer: int, looked: Known) -> Floats:
    """Return P(good) of the newcomer's answer to each query."""
    dims = IndexSpec.model_fields["embedding_dims"].default
    learned, name = load(artifact, dims=dims), world.models[newcomer]
    _relate(learned, _profiles(world, looked, world.expected.mean(axis=0), [m for m in world.models if m != name]))
    kinship = learned.predictor.kinship() if looked.others else Kinship()
    found = []
    for row in rows:
        point = learned.space.point(world.contexts[row])
        prior = kinship.prior(_profiles(world, looked, world.expected[row], world.models)[name])
        found.append(float(learned.good(learned.predictor.logits(point)[0] + prior.logit(point.x)) @ WEIGHTS))
    return np.array(found)


def _profiles(world: World, looked: Known, costs: Floats, offered: Sequence[str]) -> dict[str, Profile]:
    by_name = dict(zip(world.models, costs.tolist(), strict=True))
    actions = {name: looked.action(name, by_name[name]) for name in offered}
    return profiles(actions, actions)


def _relate(learned: Knowledge, known: Mapping[str, Profile]) -> None:
    """Let the others be known as they are looked at here, whatever was known of them while they were learned."""
    relatives = learned.predictor.relatives
    relatives |= {name: replace(relative, profile=known[name]) for name, relative in relatives.items()}


def _errors(expected: Floats, truth: Floats, categories: Sequence[str]) -> dict[str, float]:
    names, category = np.unique(categories, return_inverse=True)
    gaps = [abs(float((expected - truth)[category == place].sum())) for place in range(len(names))]
    return {
        "expected": float(expected.mean()),
        "true": float(truth.mean()),
        "error": abs(float((expected - truth).mean())),
        "error by category": sum(gaps) / len(truth),
        "log-loss": float(-(truth * np.log(expected) + (1 - truth) * np.log(1 - expected)).mean()),
    }


def _mean(lines: Sequence[Mapping[str, object]]) -> dict[str, object]:
    names = ("error", "error by category", "log-loss")
    means = {name: round(float(np.mean([line[name] for line in lines])), 4) for name in names}
    return {"known of the newcomer": lines[0]["known"], **means}


if __name__ == "__main__":
    typer.run(main)
