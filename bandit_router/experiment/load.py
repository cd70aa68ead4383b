"""Reads experiment files and checks them against the policies there are; it starts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from bandit_router.errors import ConfigError, UnknownExperiment, did_you_mean
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.settings import read_toml


def read_experiments(folder: Path) -> tuple[dict[str, ExperimentSpec], list[ConfigError]]:
    """Read every TOML file of a folder that can be read, by experiment name; return what is wrong with the others."""
    found: dict[str, ExperimentSpec] = {}
    bad: list[ConfigError] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            spec = load_experiment(path)
        except ConfigError as error:
            bad.append(error)
            continue
        if spec.name in found:
            problem = f"another file names its experiment {spec.name!r} too; names must be unique"
            bad.append(ConfigError(problem, path=str(path)))
        found.setdefault(spec.name, spec)
    return found, bad


def find_experiment(folder: Path, name: str) -> ExperimentSpec:
    """Return an experiment of a folder by name, whatever is wrong with other files.

    Raise `UnknownExperiment`, or `ConfigError` where a bad file might be the one.
    """
    found, bad = read_experiments(folder)
    if name in found:
        return found[name]
    if bad:
        raise bad[0]
    raise UnknownExperiment(name, found)


def load_experiment(path: Path) -> ExperimentSpec:
    """Read one experiment file; raise `ConfigError` with file, line, key and remedy."""
    spec = read_toml(path, ExperimentSpec)
    if spec.name:
        return spec
    try:
        return ExperimentSpec.model_validate(spec.model_dump() | {"name": path.stem})
    except ValidationError as error:
        problem = "the experiment would be named after the file, and names have letters, digits, '_' and '-' only"
        raise ConfigError(f"{problem}; rename the file, or give a name in it", path=str(path)) from error


def check_policies(spec: ExperimentSpec, policies: Iterable[str]) -> None:
    """Raise `ConfigError` for an arm whose policy is not there."""
    known = tuple(policies)
    for arm in spec.arms:
        if arm.policy not in known:
            raise ConfigError(
                f"arm {arm.name!r} of experiment {spec.name!r}: no policy is named {arm.policy!r}; "
                f"{did_you_mean(arm.policy, known)}"
            )


def check_eligible(spec: ExperimentSpec, *, categories: Iterable[str], keys: Iterable[str]) -> None:
    """Raise `ConfigError` where only requests may take part of a category, or with a key, that is not there."""
    eligible = spec.eligible
    _check_known("categories", "category", eligible.categories, known=tuple(categories))
    _check_known("keys", "API key", eligible.keys, known=tuple(keys))


def _check_known(name: str, what: str, asked: Iterable[str], *, known: Sequence[str]) -> None:
    for each in asked:
        if each not in known:
            raise ConfigError(f"[eligible] {name}: no {what} is named {each!r}; {did_you_mean(each, known)}")


def check_layer(spec: ExperimentSpec, running: Iterable[ExperimentSpec]) -> None:
    """Raise `ConfigError` where a running experiment of the same layer could take the same units."""
    for other in running:
        if other.layer != spec.layer:
            continue
        if other.unit != spec.unit:
            raise ConfigError(
                f"experiment {other.name!r} divides layer {spec.layer!r} by {other.unit}, and {spec.name!r} by "
                f"{spec.unit}; give one of them another layer"
            )
        if max(other.slots[0], spec.slots[0]) < min(other.slots[1], spec.slots[1]):
            raise ConfigError(
                f"experiment {other.name!r} has slots {list(other.slots)} of layer {spec.layer!r}, which overlap "
                f"those of {spec.name!r}, {list(spec.slots)}; choose slots beside them, or stop {other.name!r}"
            )
