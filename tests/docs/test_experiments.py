"""Every key of an experiment file is documented, and the files shown and shipped can be read."""

import re
from pathlib import Path

import pytest

from bandit_router.experiment.load import check_policies, load_experiment, load_experiments
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.policy.load import load_specs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")


def test_the_documented_keys_are_those_there_are() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, flags=re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    tables = set(re.findall(r"`\[+(\w+)\]+`", PAGE))
    assert documented | tables == set(ExperimentSpec.model_fields)


def test_the_file_it_shows_can_be_read(tmp_path: Path) -> None:
    shown = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    path = tmp_path / "shown.toml"
    path.write_text(shown[0], encoding="utf-8")
    assert load_experiment(path).guardrails


@pytest.mark.parametrize("name", load_experiments(ROOT / "policies" / "experiments"))
def test_a_shipped_experiment_compares_shipped_policies(name: str) -> None:
    spec = load_experiments(ROOT / "policies" / "experiments")[name]
    check_policies(spec, load_specs(ROOT / "policies"))
    assert spec.description
