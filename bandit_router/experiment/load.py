"""Reads experiment files and checks them against the policies there are; it starts nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.settings import read_toml


def load_experiments(folder: Path) -> dict[str, ExperimentSpec]:
    """Read every TOML file of a folder, by experiment name; raise `ConfigError` for a bad file or a name used twice."""
    found: dict[str, ExperimentSpec] = {}
    for path in sorted(folder.glob("*.toml")):
        spec = load_experiment(path)
        if spec.name in found:
            raise ConfigError(
                f"another file names its experiment {spec.name!r} too; names must be unique", path=str(path)
            )
        found[spec.name] = spec
    return found


def load_experiment(path: Path) -> ExperimentSpec:
    """Read one experiment file; raise `ConfigError` with file, line, key and remedy."""
    spec = read_toml(path, ExperimentSpec)
    return spec if spec.name else ExperimentSpec.model_validate(spec.model_dump() | {"name": path.stem})


def check_policies(spec: ExperimentSpec, policies: Iterable[str]) -> None:
    """Raise `ConfigError` for an arm whose policy is not there."""
    known = tuple(policies)
    for arm in spec.arms:
        if arm.policy not in known:
            raise ConfigError(
                f"arm {arm.name!r} of experiment {spec.name!r}: no policy is named {arm.policy!r}; "
                f"{did_you_mean(arm.policy, known)}"
            )


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
