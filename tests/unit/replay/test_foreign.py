"""Logs of other systems come in with what they say, and say so where they do not say enough."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bandit_router.context.build import load_builder
from bandit_router.errors import ConfigError
from bandit_router.replay.foreign.read import read_foreign
from bandit_router.replay.record import Record
from bandit_router.settings import ContextSettings

SPEND = {
    "request_id": "r1",
    "model": "gpt-4.1-mini",
    "spend": 0.0021,
    "startTime": "2026-11-01T10:00:00+00:00",
    "endTime": "2026-11-01T10:00:02+00:00",
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "messages": '[{"role": "user", "content": "hello"}]',
    "status": "success",
}
CHAT = {
    "request": {"model": "small", "messages": [{"role": "user", "content": "Add 1 and 2."}]},
    "response": {"id": "c1", "model": "small-2026", "created": 1790000000, "usage": {"prompt_tokens": 7}},
    "score": 0.75,
    "cost_usd": 0.001,
}
DECISION: dict[str, Any] = {
    "_label_cost": -1,
    "_label_Action": 2,
    "Timestamp": "2026-11-01T10:00:00.0Z",
    "EventId": "e1",
    "a": [2, 1],
    "p": [0.8, 0.2],
    "c": {"User": {"age": 30, "place": "north"}, "_multi": [{"id": "one"}, {"id": "two"}]},
}
TABLE = {
    "id": "t1",
    "category": "sums",
    "prompt": "Add 1 and 2.",
    "arms": {"small": {"score": 0.5, "cost": 0.001}, "large": {"score": 1.0, "cost": 0.01}},
}


def read(tmp_path: Path, kind: str, *rows: Any, **options: Any) -> list[Record]:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))

    async def gather() -> list[Record]:
        return [record async for record in read_foreign(kind, path, value_usd=0.01, **options)]

    return asyncio.run(gather())


def test_a_spend_log_has_costs_and_no_propensities(tmp_path: Path) -> None:
    [record] = read(tmp_path, "litellm", SPEND)
    assert not record.propensities
    assert record.outcome.cost_usd == 0.0021
    assert record.outcome.latency_s == 2.0
    assert record.event.feedback is None


def test_a_failed_call_of_a_spend_log_served_nothing(tmp_path: Path) -> None:
    [record] = read(tmp_path, "litellm", SPEND | {"status": "failure"})
    assert record.outcome.served is None


def test_a_scored_chat_has_its_score_as_feedback(tmp_path: Path) -> None:
    [record] = read(tmp_path, "openai", CHAT)
    assert (record.decision.id, record.event.feedback, record.propensities) == ("c1", 0.75, False)
    assert record.decision.step.action.model == "small"


def test_a_chat_with_its_pmf_has_propensities(tmp_path: Path) -> None:
    [record] = read(tmp_path, "openai", CHAT | {"pmf": {"large": 0.25, "small": 0.75}})
    assert record.propensities
    assert record.decision.step.propensity == 0.75


def test_a_pmf_without_what_was_done_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log.jsonl:1: 'pmf' has no 'small'"):
        read(tmp_path, "openai", CHAT | {"pmf": {"large": 1.0}})


def test_a_decision_service_log_has_propensities_and_the_reward_turned_round(tmp_path: Path) -> None:
    [record] = read(tmp_path, "dsjson", DECISION)
    assert record.decision.step.action.model == "two"
    assert (record.decision.step.propensity, record.event.feedback) == (0.8, 1.0)
    assert record.decision.context.category == "User.place=north"
    assert record.decision.context.surface == {"User.age": 30.0}


def test_a_reward_outside_the_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rewards must lie in"):
        read(tmp_path, "dsjson", DECISION | {"_label_cost": 3})


def test_a_table_is_the_log_of_an_even_draw(tmp_path: Path) -> None:
    rows = [TABLE | {"id": f"t{n}"} for n in range(400)]
    records = read(tmp_path, "table", *rows, seed=1)
    starts = [record.decision.step.action.model for record in records]
    assert {record.decision.step.propensity for record in records} == {0.5}
    assert 150 < starts.count("small") < 250
    assert starts != [record.decision.step.action.model for record in read(tmp_path, "table", *rows, seed=2)]


def test_a_table_prices_each_model_at_its_mean_cost_and_ranks_it_by_that(tmp_path: Path) -> None:
    dear_first = {"large": {"score": 1.0, "cost": 0.01}, "small": {"score": 0.5, "cost": 0.001}}
    later = {"small": {"score": 0.5, "cost": 0.003}, "large": {"score": 1.0, "cost": 0.02}}
    records = read(tmp_path, "table", TABLE | {"arms": dear_first}, TABLE | {"id": "t2", "arms": later})
    for record in records:
        assert offered(record) == {"small": (0, pytest.approx(0.002)), "large": (1, pytest.approx(0.015))}


def test_a_table_whose_last_row_has_a_model_without_a_cost_is_refused_by_its_line(tmp_path: Path) -> None:
    arms = {"small": {"score": 0.5, "cost": 0.001}, "large": {"score": 1.0}}
    with pytest.raises(ConfigError, match=r"log.jsonl:2: 'cost' is missing"):
        read(tmp_path, "table", TABLE, TABLE | {"id": "t2", "arms": arms})


def offered(record: Record) -> dict[str, tuple[int, float]]:
    return {action.model: (action.tier, action.cost_usd) for action in record.decision.step.actions}


def test_models_of_a_chat_are_ranked_by_what_they_may_be_expected_to_cost(tmp_path: Path) -> None:
    pmf = {"pmf": {"large": 0.25, "small": 0.75}}
    [record] = read(tmp_path, "openai", CHAT | pmf | {"expected_cost_usd": {"small": 0.001, "large": 0.01}})
    assert offered(record) == {"large": (1, 0.01), "small": (0, 0.001)}


def test_models_of_a_chat_without_prices_are_of_one_tier(tmp_path: Path) -> None:
    [record] = read(tmp_path, "openai", CHAT | {"pmf": {"large": 0.25, "small": 0.75}})
    assert offered(record) == {"large": (0, 0.0), "small": (0, 0.0)}


def test_prices_of_only_some_models_of_a_chat_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'large' is missing"):
        read(tmp_path, "openai", CHAT | {"pmf": {"large": 0.25, "small": 0.75}, "expected_cost_usd": {"small": 0.001}})


def test_a_decision_service_log_offers_the_same_whatever_was_done(tmp_path: Path) -> None:
    other = DECISION | {"EventId": "e2", "_label_Action": 1, "a": [1, 2], "p": [0.2, 0.8]}
    one, two = read(tmp_path, "dsjson", DECISION, other)
    assert one.decision.step.actions == two.decision.step.actions
    assert one.decision.step.pmf == two.decision.step.pmf
    assert {action.tier for action in one.decision.step.actions} == {0}


def test_an_action_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="every action once"):
        read(tmp_path, "dsjson", DECISION | {"a": [2, 2]})


@pytest.mark.parametrize("at", [1_793_527_200, 1_793_527_200_000, "2026-11-01T10:00:00+00:00", "2026-11-01 10:00:00"])
def test_times_are_texts_or_seconds_or_milliseconds(tmp_path: Path, at: object) -> None:
    [record] = read(tmp_path, "litellm", SPEND | {"startTime": at, "endTime": at})
    assert record.decision.created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("at", [1e20, 1e14, -5, float("nan"), "soon", "1066-10-14T09:00:00Z"])
def test_a_time_that_is_none_is_refused_with_its_line(tmp_path: Path, at: object) -> None:
    with pytest.raises(ConfigError, match=r"log.jsonl:1: 'startTime' is .*; it must be a time"):
        read(tmp_path, "litellm", SPEND | {"startTime": at, "endTime": at})


BATCH = {
    "id": "batch_req_1",
    "custom_id": "mine",
    "response": {
        "status_code": 200,
        "body": {"model": "small", "created": 1790000000, "usage": {"prompt_tokens": 5, "completion_tokens": 2}},
    },
    "error": None,
    "score": 1.0,
}


def test_the_output_of_a_batch_is_read(tmp_path: Path) -> None:
    [record] = read(tmp_path, "openai", BATCH)
    [judged] = record.outcome.history
    assert (judged.attempt.model, judged.attempt.input_tokens, judged.attempt.status) == ("small", 5, "ok")
    assert record.decision.created_at == datetime.fromtimestamp(1790000000, UTC)


@pytest.mark.parametrize(
    "failed",
    [
        {"response": {"id": "c1", "error": {"message": "boom"}}},
        {"error": {"code": "boom"}},
        {"response": {"status_code": 500, "body": {"error": {"message": "boom"}}}},
        {"response": {"status_code": 500, "body": {}}},
    ],
)
def test_an_error_is_no_answer(tmp_path: Path, failed: dict[str, Any]) -> None:
    [record] = read(tmp_path, "openai", CHAT | failed)
    assert (record.outcome.status, record.outcome.served) == ("failed", None)
    assert record.outcome.history[0].attempt.error in ("boom", "HTTP 500")


def test_a_probability_that_contradicts_the_label_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "dsjson", DECISION | {"_label_probability": 0.800000011920929})
    with pytest.raises(ConfigError, match=r"'_label_probability' is 0\.2, and 'p' gives what was done 0\.8"):
        read(tmp_path, "dsjson", DECISION | {"_label_probability": 0.2})


def test_lines_left_out_evenly_are_no_matter_and_unevenly_are_refused(tmp_path: Path) -> None:
    kept = [DECISION | {"EventId": f"e{n}", "pdrop": 0.5} for n in range(2)]
    assert len(read(tmp_path, "dsjson", *kept)) == 2
    with pytest.raises(ConfigError, match=r"log.jsonl:3: 'pdrop' is 0, and it was 0.5 before"):
        read(tmp_path, "dsjson", *kept, DECISION)


def test_namespaces_that_are_lists_are_context(tmp_path: Path) -> None:
    context = {"User": [{"age": 30}, {"place": "north"}], "Dense": [0.5, 2], "_multi": DECISION["c"]["_multi"]}
    [record] = read(tmp_path, "dsjson", DECISION | {"c": context})
    assert record.decision.context.category == "User.place=north"
    assert record.decision.context.surface == {"User.age": 30.0, "Dense.0": 0.5, "Dense.1": 2.0}


def test_what_replay_would_refuse_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log.jsonl:1: surface User.age is inf"):
        read(tmp_path, "dsjson", DECISION | {"c": {"User": {"age": float("inf")}, "_multi": []}})


def test_contexts_are_built_of_the_messages(tmp_path: Path) -> None:
    builder = asyncio.run(load_builder(ContextSettings()))
    [record] = read(tmp_path, "openai", CHAT | {"category": "mine"}, contexts=builder)
    assert record.decision.context.category == "mine"
    assert len(record.decision.context.embedding) == 256


def test_the_same_request_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log.jsonl:2: the id 'r1' is there already"):
        read(tmp_path, "litellm", SPEND, SPEND)


def test_an_unknown_format_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'litellm'"):
        read(tmp_path, "litelm", SPEND)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("{")

    async def gather() -> None:
        await anext(read_foreign("openai", path, value_usd=0.01))

    with pytest.raises(ConfigError, match=r"log.jsonl:1: not JSON"):
        asyncio.run(gather())
