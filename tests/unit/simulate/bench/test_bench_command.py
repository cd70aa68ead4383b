"""`bandit-router simulate`: its result, its promises, and how it refuses bad input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandit_router.cli.app import main

Command = Callable[..., dict[str, Any]]
Policies = Callable[[str], str]
EXACT = ("--judge", "noise:0", "--value-usd", "0.1", "--judge-cost-usd", "0.002")


@pytest.fixture
def fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table_file: Path
) -> Callable[..., tuple[object, str]]:
    """Run the command where it must fail; return exit code and standard error."""

    def run(*arguments: str, table: str = "") -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["bandit-router", "simulate", table or str(table_file), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_the_result_has_the_keys_that_other_programs_read(command: Command) -> None:
    found = command("--policy", "random", "--seeds", "1")
    assert list(found) == ["rows", "value_usd", "judge", "scenario", "results", "references"]
    assert list(found["results"][0]) == [
        *("policy", "kind", "seed", "quality", "cost_usd", "utility"),
        *("quality_late", "cost_usd_late", "utility_late", "start_share", "attempts_mean", "judge_calls_mean"),
    ]
    assert list(found["references"]) == ["best_single", "cost_matched_mix", "best_fixed_cascade", "oracle"]
    assert all(list(one) == ["quality", "cost_usd", "utility"] for one in found["references"].values())


def test_a_cascade_has_the_utility_worked_out_by_hand(command: Command, policies: Policies) -> None:
    [line] = command("--policy", policies("climber"), "--seeds", "1", *EXACT)["results"]
    # Half of the prompts: tiny is right, judged once. The others: both are called and judged.
    assert (line["quality"], line["attempts_mean"], line["judge_calls_mean"]) == (1.0, 1.5, 1.5)
    assert line["cost_usd"] == pytest.approx(0.001 + 0.01 / 2 + 0.002 * 1.5)
    assert line["utility"] == pytest.approx(1 - line["cost_usd"] / 0.1)
    assert line["start_share"] == {"tiny": 1.0, "huge": 0.0}


def test_the_references_have_the_utilities_worked_out_by_hand(command: Command, policies: Policies) -> None:
    references = command("--policy", policies("climber"), *EXACT)["references"]
    assert references["best_single"] == {"quality": 1.0, "cost_usd": pytest.approx(0.01), "utility": pytest.approx(0.9)}
    assert references["best_fixed_cascade"]["utility"] == pytest.approx(1 - (0.001 + 0.01 / 2 + 0.002 * 1.5) / 0.1)
    assert references["oracle"]["cost_usd"] == pytest.approx((0.001 + 0.01) / 2)
    assert references["cost_matched_mix"]["cost_usd"] == pytest.approx(0.009)


def test_there_is_a_line_for_each_policy_and_seed_in_order(command: Command, policies: Policies) -> None:
    found = command("--policy", "oracle", "--policy", policies("learner"), "--seeds", "2")
    lines = [(line["policy"], line["kind"], line["seed"]) for line in found["results"]]
    assert lines == [("oracle", "oracle", 0), ("oracle", "oracle", 1), ("learner", "vw_cb", 0), ("learner", "vw_cb", 1)]


def test_the_oracle_policy_reaches_the_oracle_reference(command: Command) -> None:
    found = command("--policy", "oracle", "--seeds", "1")
    assert found["results"][0]["utility"] == pytest.approx(found["references"]["oracle"]["utility"])


def test_rows_are_taken_after_the_shuffle(command: Command) -> None:
    assert command("--policy", "random", "--rows", "7", "--seeds", "1")["rows"] == 7


def test_rows_of_the_same_prompt_are_all_played(command: Command, table_file: Path) -> None:
    table_file.write_text(table_file.read_text() + "\n" + table_file.read_text())
    assert command("--policy", "oracle", "--seeds", "1")["rows"] == 80


def test_recorded_judges_that_are_named_are_not_the_truth(command: Command, policies: Policies) -> None:
    [line] = command("--policy", policies("cheapest"), "--judge", "recorded:sharp", "--seeds", "1")["results"]
    assert line["quality"] == pytest.approx(0.5)
    [line] = command("--policy", policies("dearest"), "--judge", "recorded:sharp", "--seeds", "1")["results"]
    assert line["quality"] == 0.0


def test_a_mixture_finds_its_members_beside_it_and_they_learn(command: Command, policies: Policies) -> None:
    found = command("--policy", policies("both"), "--policy", policies("learner"), "--seeds", "1", *EXACT)
    assert [line["kind"] for line in found["results"]] == ["mixture", "vw_cb"]


def test_two_processes_give_the_same_bytes_as_one(command: Command, policies: Policies, tmp_path: Path) -> None:
    arguments = ("--policy", policies("learner"), "--policy", "random", "--seeds", "2", "--scenario", "recovery")
    command(*arguments)
    alone = (tmp_path / "out.json").read_bytes()
    command(*arguments, "--jobs", "2")
    assert (tmp_path / "out.json").read_bytes() == alone


def test_a_drop_comes_with_phases_and_regret_against_who_knows(command: Command, policies: Policies) -> None:
    [line] = command("--policy", policies("dearest"), "--seeds", "1", "--scenario", "quality_drop", *EXACT)["results"]
    assert [(phase["name"], phase["from"], phase["to"]) for phase in line["phases"]] == [
        ("before", 0, 20),
        ("dropped", 20, 40),
    ]
    assert [phase["quality"] for phase in line["phases"]] == [1.0, pytest.approx(0.5, abs=0.25)]
    after = line["regret"][1]
    # huge now does as tiny at ten times the price; the informed call tiny.
    assert after["regret"] == pytest.approx(after["informed"] - after["utility"])
    assert after["regret"] == pytest.approx((0.01 - 0.001) / 0.1)


def test_every_change_comes_with_regret_against_who_knows_the_phase(command: Command) -> None:
    for scenario in ("price_cut", "new_model", "category_shift"):
        [line] = command("--policy", "random", "--seeds", "1", "--scenario", scenario)["results"]
        assert [window["phase"] for window in line["regret"]] == [phase["name"] for phase in line["phases"]]


def test_a_new_model_is_not_called_before_it_is_there(command: Command, policies: Policies) -> None:
    [line] = command("--policy", policies("dearest"), "--seeds", "1", "--scenario", "new_model", *EXACT)["results"]
    assert line["start_share"] == {"tiny": 0.5, "huge": 0.5}
    assert [phase["name"] for phase in line["phases"]] == ["before", "new model"]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("--policy", "random", "--judge", "gpt"), "auc:0.85"),
        (("--policy", "random", "--judge", "recorded:shrap"), "did you mean 'sharp'"),
        (("--policy", "random", "--scenario", "qualty_drop"), "did you mean 'quality_drop'"),
        (("--policy", "ramdom"), "did you mean 'random'"),
        (("--policy", "none.toml"), "cannot be read"),
        ((), "give --policy"),
        (("--policy", "random", "--policy", "random"), "two policies are named 'random'"),
        (("--policy", "random", "--json", "/no/such/folder/out.json"), "choose another path"),
    ],
)
def test_bad_input_ends_it_with_code_2_and_a_line_that_says_what_to_do(
    fails: Callable[..., tuple[object, str]], arguments: tuple[str, ...], remedy: str
) -> None:
    code, error = fails(*arguments)
    assert (code, error.count("\n"), remedy in error) == (2, 1, True)


def test_a_missing_table_ends_it_with_code_2_and_one_line(fails: Callable[..., tuple[object, str]]) -> None:
    code, error = fails("--policy", "random", table="none.jsonl")
    assert (code, error.count("\n"), "check the path" in error) == (2, 1, True)


def test_a_table_without_recorded_judges_says_what_to_give_instead(
    fails: Callable[..., tuple[object, str]], tmp_path: Path
) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text('{"prompt": "why?", "arms": {"m": {"score": 1, "cost": 1}}}')
    code, error = fails("--policy", "random", "--judge", "recorded", table=str(path))
    assert (code, "give auc:A or noise:S" in error) == (2, True)
