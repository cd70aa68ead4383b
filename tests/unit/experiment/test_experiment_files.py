"""Experiment files: what they may say, and what is refused with a remedy."""

from pathlib import Path
from typing import Any

import pytest

from bandit_router.errors import ConfigError
from bandit_router.experiment.load import (
    check_layer,
    check_policies,
    find_experiment,
    load_experiment,
    read_experiments,
)
from bandit_router.experiment.spec import ExperimentSpec

GOOD = """
[[arms]]
name = "old"
policy = "fixed_cascade"
control = true

[[arms]]
name = "new"
policy = "index"
"""


def written(folder: Path, text: str, name: str = "trial.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def spec(**changes: Any) -> ExperimentSpec:
    arms = [{"name": "old", "policy": "a", "control": True}, {"name": "new", "policy": "b"}]
    return ExperimentSpec.model_validate({"name": "trial", "arms": arms} | changes)


def test_an_experiment_is_named_after_its_file(tmp_path: Path) -> None:
    assert load_experiment(written(tmp_path, GOOD)).name == "trial"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (GOOD.replace("control = true", ""), "must be the control"),
        (GOOD.replace("control = true", "control = true\nshadow = true"), "must be the control"),
        (GOOD.replace('"new"', '"old"'), "names must be unique"),
        ("ramp = [0.5, 0.1]" + GOOD, "must grow"),
        ("slots = [0.5, 0.5]" + GOOD, "from below to"),
        ("unti = 'session'" + GOOD, "did you mean 'unit'"),
        (GOOD + "[[guardrails]]\nmetric = 'quality'\n", "give either margin"),
        (GOOD + "[[guardrails]]\nmetric = 'reward'\nrelative = 0.1\n", "give margin"),
        ("start = 2026-12-02\nend = 2026-12-01" + GOOD, "ends before it starts"),
    ],
)
def test_a_bad_file_is_refused_with_a_remedy(tmp_path: Path, changed: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_experiment(written(tmp_path, changed))


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path, 'name = "same"' + GOOD, "a.toml")
    written(tmp_path, 'name = "same"' + GOOD, "b.toml")
    found, (bad,) = read_experiments(tmp_path)
    assert (list(found), "names must be unique" in str(bad)) == (["same"], True)


def test_a_good_file_is_found_beside_a_bad_one(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "alpha = 2\n" + GOOD, "bad.toml")
    assert find_experiment(tmp_path, "trial").name == "trial"
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        find_experiment(tmp_path, "bad")


def test_a_file_that_is_no_text_or_has_no_name_to_give_is_refused(tmp_path: Path) -> None:
    for name, text in (("latin.toml", "# caf\xe9"), ("a name.toml", GOOD)):
        path = tmp_path / name
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ConfigError, match=name):
            load_experiment(path)


def test_an_unknown_policy_is_refused_by_its_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bb'"):
        check_policies(spec(), ["a", "bb"])


def test_a_layer_takes_no_two_experiments_in_the_same_slots() -> None:
    with pytest.raises(ConfigError, match="overlap"):
        check_layer(spec(name="x", slots=(0.4, 1.0)), [spec(slots=(0.0, 0.5))])


def test_a_layer_takes_experiments_beside_each_other() -> None:
    check_layer(spec(name="x", slots=(0.5, 1.0)), [spec(slots=(0.0, 0.5))])


def test_a_layer_is_divided_by_one_kind_of_unit() -> None:
    with pytest.raises(ConfigError, match="another layer"):
        check_layer(spec(name="x", unit="session", slots=(0.5, 1.0)), [spec(slots=(0.0, 0.5))])


def test_another_layer_is_another_matter() -> None:
    check_layer(spec(name="x", layer="other"), [spec()])
