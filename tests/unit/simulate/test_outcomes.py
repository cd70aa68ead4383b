"""Reading outcome tables: what is understood, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandit_router.errors import ConfigError
from simulate import outcomes
from simulate.outcomes import Arm, demo_table, example_paths, read_table

Write = Callable[..., Path]


def row(prompt: str = "why?", **arms: Any) -> dict[str, Any]:
    return {
        "id": f"id of {prompt}",
        "category": "c",
        "prompt": prompt,
        "arms": arms or {"m": {"score": 0.5, "cost": 0.01}},
    }


def arm(**changes: Any) -> dict[str, Any]:
    return row(m={"score": 0.5, "cost": 0.01, **changes})


def test_every_recorded_field_of_an_arm_is_read(write: Write) -> None:
    path = write(arm(in_tok=7, out_tok=9, answer="yes", judges={"a": 0.25}))
    expected = Arm(score=0.5, cost_usd=0.01, input_tokens=7, output_tokens=9, answer="yes", judges={"a": 0.25})
    assert read_table(path).rows[0].arms["m"] == expected


def test_a_gzipped_table_reads_like_a_plain_one(write: Write) -> None:
    assert read_table(write(row(), name="t.jsonl.gz")) == read_table(write(row()))


def test_null_tokens_are_unknown_tokens(write: Write) -> None:
    assert read_table(write(arm(in_tok=None))).rows[0].arms["m"].input_tokens is None


def test_the_wheels_format_is_read_with_its_reward_and_source(write: Write) -> None:
    path = write({"prompt": "why?", "source": "gsm8k", "arms": {"m": {"reward": 0.75, "cost": 0.1, "near_best": True}}})
    first = read_table(path).rows[0]
    assert (first.id, first.category, first.arms["m"].score) == ("table-1", "gsm8k", 0.75)


def test_models_are_listed_cheapest_first(write: Write) -> None:
    path = write(row(dear={"score": 1, "cost": 2}, cheap={"score": 0, "cost": 1}))
    assert read_table(path).models == ("cheap", "dear")


def test_of_rows_with_the_same_prompt_the_first_is_kept_and_the_rest_counted(write: Write) -> None:
    table = read_table(write(arm(score=0.25), row("other"), arm(score=1), row(" why?\n")))
    assert (len(table.rows), table.duplicates, table.rows[0].arms["m"].score) == (2, 2, 0.25)


def test_means_are_over_all_rows(write: Write) -> None:
    table = read_table(write(arm(score=0, cost=1), row("b", m={"score": 1, "cost": 4})))
    assert (table.mean_score("m"), table.mean_cost_usd("m")) == (0.5, 2.5)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ({"prompt": "p"}, "'arms' is missing"),
        ({"prompt": "p", "arms": {}}, "'arms' is missing"),
        ({"prompt": " ", "arms": {"m": {}}}, "'prompt' is missing"),
        ({"prompt": "p", "arms": {"m": 3}}, "the arm of 'm' is not an object"),
        (arm(score=1.2), "'score' of 'm' is 1.2; it must be [0, 1]"),
        (arm(score=-0.1), "'score' of 'm' is -0.1"),
        (arm(score=True), "'score' of 'm' is True"),
        (arm(score=None), "'score' of 'm' is missing"),
        (arm(cost=-1), "'cost' of 'm' is -1; it must be 0 or more"),
        (arm(cost=float("nan")), "'cost' of 'm' is nan"),
        (arm(cost=float("inf")), "'cost' of 'm' is inf"),
        (arm(cost="1"), "'cost' of 'm' is '1'"),
        (arm(in_tok=-3), "'in_tok' of 'm' is -3"),
        (arm(answer=5), "'answer' of 'm' is not text"),
        (arm(judges=[1]), "'judges' of 'm' is not an object"),
        (arm(judges={"j": 2}), "judge 'j' of 'm' is 2"),
        (row("q", n={"score": 1, "cost": 1}), "model 'm' is missing; every row needs every model"),
        (row("q", m={"score": 1, "cost": 1}, n={"score": 1, "cost": 1}), "model 'n' is not in the rows before"),
    ],
)
def test_a_bad_line_is_refused_with_file_line_and_reason(write: Write, bad: Any, words: str) -> None:
    path = write(row("first"), "", bad)
    with pytest.raises(ConfigError) as caught:
        read_table(path)
    assert f"{path}:3: " in str(caught.value)
    assert words in str(caught.value)


def test_an_empty_file_is_refused(write: Write) -> None:
    with pytest.raises(ConfigError, match="has no rows"):
        read_table(write("", "  "))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_table(tmp_path / "none.jsonl")


def test_plain_text_named_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_text("{}")
    with pytest.raises(ConfigError, match="is not gzip"):
        read_table(path)


def test_gzip_not_named_gz_is_refused(write: Write) -> None:
    packed = write(row(), name="t.jsonl.gz")
    with pytest.raises(ConfigError, match=r"must end in \.gz"):
        read_table(packed.rename(packed.with_suffix("")))


def test_a_truncated_gzip_is_refused(write: Write) -> None:
    path = write(row(), name="t.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ConfigError, match="cut off"):
        read_table(path)


def test_a_given_path_wins_over_the_examples(write: Write) -> None:
    assert demo_table(write(row("mine"))).rows[0].prompt == "mine"


def test_without_a_table_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "example_paths", tuple)
    with pytest.raises(ConfigError, match=r"pip install 'bandit-router\[demo\]'"):
        demo_table(None)


def test_the_examples_of_the_demo_extra_are_read_as_one_table() -> None:
    if not example_paths():
        pytest.skip("the demo extra is not installed")
    table = demo_table(None)
    assert (len(table.rows), table.duplicates, len(table.models)) == (3609, 0, 3)
