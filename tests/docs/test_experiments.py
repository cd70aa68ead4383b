"""Every key of an experiment file is documented, and the files shown and shipped can be read."""

import re
from pathlib import Path

import pytest

from bandit_router.experiment.analyse import analyse
from bandit_router.experiment.load import check_policies, load_experiment, read_experiments
from bandit_router.experiment.spec import ExperimentSpec, GuardrailSpec
from bandit_router.policy.load import load_specs
from simulate.experiments.faults import breach, guarded
from simulate.experiments.logs import trial

ROOT = Path(__file__).parents[2]
SHIPPED, BAD = read_experiments(ROOT / "policies" / "experiments")
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


@pytest.fixture(params=["shown", *SHIPPED])
def errors(request: pytest.FixtureRequest, tmp_path: Path) -> GuardrailSpec:
    """The guardrail of errors of the experiment that the page shows, and of each that comes with the product."""
    path = tmp_path / "shown.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)[0], encoding="utf-8")
    known = {"shown": load_experiment(path)} | SHIPPED
    return next(guard for guard in known[request.param].guardrails if guard.metric == "error_rate")


def test_an_experiment_as_shipped_rolls_doubled_errors_back_within_five_hundred_requests(errors: GuardrailSpec) -> None:
    assert breach(0.1, 0.2, guarded(errors), runs=20, every=50).share >= 0.9


def test_an_experiment_as_shipped_holds_errors_to_be_kept_where_nothing_fails(errors: GuardrailSpec) -> None:
    found = analyse(guarded(errors), trial([0, 1] * 2000)).treatments[0].guards[0]
    assert found.holds


def test_every_shipped_experiment_can_be_read() -> None:
    assert SHIPPED
    assert BAD == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_experiment_compares_shipped_policies(name: str) -> None:
    spec = SHIPPED[name]
    check_policies(spec, load_specs(ROOT / "policies"))
    assert spec.description
