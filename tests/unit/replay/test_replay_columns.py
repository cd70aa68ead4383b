"""The fast way through a row group gives what the plain way gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bandit_router.policy.spec import KINDS, Spec
from bandit_router.replay.facts import Facts, facts_of
from bandit_router.replay.files import read_records, write_records
from bandit_router.replay.record import Record, Said
from bandit_router.replay.row_groups import simple_group
from bandit_router.replay.taken import itself, taken
from bandit_router.replay.targets import Target
from bandit_router.types import Pmf
from simulate.replaying.speed import write_log
from tests.factories import make_decision, make_failed, make_feedback, make_judged, make_outcome, make_step

STATICS = {
    "medium": {"kind": "static", "model": "medium", "min_exploration": 0.1, "min_judging": 0.3},
    "gone": {"kind": "static", "model": "gone", "tier": 1},
    "cheapest": {"kind": "static", "model": "@cheapest"},
    "dearest": {"kind": "static", "model": "@dearest", "min_judging": 1.0},
    "mixed": {
        "kind": "mixture",
        "components": [{"policy": "medium", "weight": 3}, {"policy": "dearest", "weight": 1}],
        "min_exploration": 0.05,
    },
}
SPECS: dict[str, Spec] = {
    name: KINDS[str(keys["kind"])].model_validate({**keys, "name": name}) for name, keys in STATICS.items()
}


def record(number: int) -> Record:
    model = ("small", "medium", "large")[number % 3]
    share = (1.0, 0.25, 0.5, 0.0)[number % 4]
    probs = tuple(0.6 if name == model else 0.2 for name in ("small", "medium", "large"))
    judged = share > 0 and number % 5 > 0
    judge = () if share == 1.0 and judged else (share,) * 3
    judge = (0.9,) * 3 if share == 1.0 and not judged else judge
    step = make_step(model=model, pmf=Pmf(probs=probs, judge=judge or (1.0,) * 3), judged=judged)
    decision = make_decision(number, step=step, value_s=30.0 if number % 2 else None)
    answer = make_failed(model=model) if number % 7 == 0 else make_judged(model=model, quality=number % 2 / 1.5)
    answer = answer if judged else replace(answer, judgement=None)
    ok = answer.ok
    outcome = make_outcome(
        decision,
        history=(answer,),
        steps=(step,),
        served=0 if ok else None,
        status="ok" if ok else "failed",
    )
    said = (Said(seq=1, feedback=make_feedback(number, decision=decision, score=0.5)),) if number % 6 == 1 else ()
    return Record(seq=number + 1, decision=decision, outcome=outcome, feedback=said, target_probs=(("told", 0.3),))


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, list[Record]]:
    records = [record(number) for number in range(200)]
    list(write_records(tmp_path / "log.parquet", records))
    return tmp_path / "log.parquet", records


def test_the_facts_are_the_same(log: tuple[Path, list[Record]]) -> None:
    columns, plain = simple_group(log[0], 0, None, None), facts_of(log[1])
    assert columns is not None
    fast = columns.facts()
    for name in ("ids", "at", "value_usd", "waited", "cost_usd", "quality", "share", "asked"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name), err_msg=name)
    assert _texts(fast) == _texts(plain)
    assert {cell: pytest.approx(counts) for cell, counts in fast.cells.items()} == plain.cells


def _texts(facts: Facts) -> Sequence[tuple[str, str]]:
    category, start = facts.category, facts.start
    return [(category.names[c], start.names[s]) for c, s in zip(category.codes, start.codes, strict=True)]


@pytest.mark.parametrize("name", [*STATICS, "told"])
def test_the_weights_are_the_same(log: tuple[Path, list[Record]], name: str) -> None:
    target = Target(name=name, kind="test", specs=SPECS if name in SPECS else {})
    columns = simple_group(log[0], 0, None, None)
    assert columns is not None
    fast, plain = columns.taken(target), taken(target, log[1], max_attempts=8, keep=False)
    assert fast is not None
    np.testing.assert_allclose(fast.weight, plain.weight)
    for part in ("full", "cost_usd", "full_cost_usd"):
        given, wanted = getattr(fast, part), getattr(plain, part)
        if given is not None and wanted is not None:
            np.testing.assert_allclose(given, wanted, err_msg=part)
    assert fast.bound == pytest.approx(plain.bound)
    assert (fast.lost, fast.lost_rows) == (pytest.approx(plain.lost), plain.lost_rows)


def test_the_logging_policy_itself_is_the_same(log: tuple[Path, list[Record]]) -> None:
    columns = simple_group(log[0], 0, None, None)
    assert columns is not None
    fast, plain = columns.itself(), itself(log[1])
    assert fast is not None
    assert plain is not None
    np.testing.assert_allclose(fast.weight, plain.weight)
    assert fast.cost_usd is not None
    assert plain.cost_usd is not None
    np.testing.assert_allclose(fast.cost_usd, plain.cost_usd, rtol=1e-6)


def test_policies_that_look_at_contexts_go_the_plain_way(log: tuple[Path, list[Record]]) -> None:
    columns = simple_group(log[0], 0, None, None)
    spec = KINDS["index"].model_validate({"kind": "index", "name": "index"})
    assert columns is not None
    assert columns.taken(Target(name="index", kind="index", specs={"index": spec})) is None


def test_cascades_go_the_plain_way(tmp_path: Path) -> None:
    decision = make_decision()
    list(write_records(tmp_path / "log.parquet", [Record(seq=1, decision=decision, outcome=make_outcome(decision))]))
    assert simple_group(tmp_path / "log.parquet", 0, None, None) is None


@pytest.mark.parametrize(("late", "seq"), [(True, 3), (False, None), (True, None)])
def test_feedback_that_came_too_late_to_count_goes_the_plain_way(tmp_path: Path, late: bool, seq: int | None) -> None:
    one = record(1)
    given = replace(make_feedback(1, decision=one.decision, score=0.0), late=late)
    list(write_records(tmp_path / "log.parquet", [replace(one, feedback=(Said(seq=seq, feedback=given),))]))
    assert simple_group(tmp_path / "log.parquet", 0, None, None) is None


def test_the_log_made_for_speed_is_a_sound_one(tmp_path: Path) -> None:
    write_log(tmp_path / "log.parquet", 300, group=100)
    records = list(read_records(tmp_path / "log.parquet"))
    assert [record.seq for record in records] == list(range(1, 301))
    assert records[0].target_probs[0][0] == "dear"
