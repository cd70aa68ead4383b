"""Makes the result of a simulation, as JSON has it, of runs and what hindsight shows; it neither plays nor prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from simulate.bench.record import Figures, Run, averaged, figures
from simulate.bench.references import (
    best_cascade,
    best_single,
    cascade_outcomes,
    cost_matched_mix,
    oracle,
    outlook,
)
from simulate.bench.stream import Block, Setting, Stream, blocks, make_stream, outcomes
from simulate.bench.world import World

WINDOW: Final = 500
"""Queries over which regret is averaged."""
REFERENCES: Final = ("best_single", "cost_matched_mix", "best_fixed_cascade", "oracle")


def result(world: World, setting: Setting, runs: Sequence[Run], *, judge: str) -> dict[str, Any]:
    """Return the result; runs are those of the first policy first.

    The references are means over seeds, each in hindsight on that seed's rows and verdicts. A model whose quality
    drops does so in a run of its own choosing, so the references know of every change but that one.
    """
    streams = {run.seed: make_stream(world, setting, run.seed) for run in runs}
    first = {run.seed: run for run in reversed(runs) if run.policy == runs[0].policy}
    per_seed = [references(world, setting, stream, first[seed]) for seed, stream in sorted(streams.items())]
    return {
        "rows": len(runs[0].quality),
        "value_usd": setting.value_usd,
        "judge": judge,
        "scenario": setting.scenario,
        "results": [line(world, setting, streams[run.seed], run) for run in runs],
        "references": {name: averaged([one[name] for one in per_seed]).json() for name in REFERENCES},
    }


def references(world: World, setting: Setting, stream: Stream, first: Run) -> dict[str, Figures]:
    """Return the references of one seed; the mix is matched to the mean cost of the run given."""
    everything = blocks(world, stream)
    view = outlook(everything, judge_cost_usd=setting.judge_cost_usd, value_usd=setting.value_usd)
    return {
        "best_single": best_single(view)[1],
        "cost_matched_mix": cost_matched_mix(view, float(first.cost_usd.mean())),
        "best_fixed_cascade": best_cascade(view).figures,
        "oracle": oracle(everything, value_usd=setting.value_usd),
    }


def line(world: World, setting: Setting, stream: Stream, run: Run) -> dict[str, Any]:
    """Return one entry of `results`."""
    late = slice(len(run.quality) // 2, None)
    shares = np.bincount(run.start, minlength=len(world.models)) / len(run.start)
    entry: dict[str, Any] = {
        "policy": run.policy,
        "kind": run.kind,
        "seed": run.seed,
        **figures(run.quality, run.cost_usd, setting.value_usd).json(),
        **figures(run.quality[late], run.cost_usd[late], setting.value_usd).json("_late"),
        "start_share": dict(zip(world.models, shares.tolist(), strict=True)),
        "attempts_mean": float(run.attempts.mean()),
        "judge_calls_mean": float(run.judged.mean()),
    }
    if setting.scenario != "stationary":
        seen = seen_blocks(world, stream, run)
        entry["phases"] = [_phase(setting, block, run) for block in seen]
        entry["alarms"] = [asdict(alarm) for alarm in run.alarms]
        entry["probed"] = [asdict(each) for each in run.absorbed]
        entry["regret"] = [window for block in seen for window in regret(setting, block, run)]
    return entry


def seen_blocks(world: World, stream: Stream, run: Run) -> list[Block]:
    """Return the outcomes of every phase as the run met them."""
    phases = zip(stream.phases, run.dropped, strict=True)
    return [outcomes(world, stream, phase, dropped=dropped) for phase, dropped in phases]


def _phase(setting: Setting, block: Block, run: Run) -> dict[str, Any]:
    span = slice(block.phase.start, block.phase.stop)
    reached = figures(run.quality[span], run.cost_usd[span], setting.value_usd)
    return {"name": block.phase.name, "from": block.phase.start, "to": block.phase.stop, **reached.json()}


def regret(setting: Setting, block: Block, run: Run) -> list[dict[str, Any]]:
    """Return, window by window of a phase, how far a run stays behind two who know the phase in advance.

    `informed` is the single model that is best over the whole phase, `informed_cascade` the fixed cascade that is.
    """
    view = outlook([block], judge_cost_usd=setting.judge_cost_usd, value_usd=setting.value_usd)
    column, _ = best_single(view)
    single = view.scores[:, column] - view.costs[:, column] / setting.value_usd
    quality, cost = cascade_outcomes(view, best_cascade(view))
    cascade = quality - cost / setting.value_usd
    windows = []
    for start in range(0, len(block.rows), WINDOW):
        span = slice(start, min(start + WINDOW, len(block.rows)))
        first, stop = block.phase.start + span.start, block.phase.start + span.stop
        utility = figures(run.quality[first:stop], run.cost_usd[first:stop], setting.value_usd).utility
        informed, informed_cascade = float(single[span].mean()), float(cascade[span].mean())
        windows.append(
            {
                "phase": block.phase.name,
                "from": first,
                "to": stop,
                "utility": utility,
                "informed": informed,
                "informed_cascade": informed_cascade,
                "regret": informed - utility,
            }
        )
    return windows
