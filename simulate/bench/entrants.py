"""What takes part in a simulation: policies from files, the references by name; it plays nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.policy.load import build, load_spec, load_specs
from bandit_router.policy.spec import Spec
from bandit_router.protocols import LearningPolicy, Policy
from bandit_router.reward.utility import reward

STAND_INS: Final = ("random", "oracle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """One line of the result: its name and kind, and what is needed to build it afresh for every seed."""

    name: str
    kind: str
    specs: Mapping[str, Spec] = field(default_factory=dict)
    """Its own spec and those it refers to; none for what is no policy file."""
    budget_usd: float = 0.0
    """USD a request that its own pacer aims at; 0 leaves a policy to what the setting says."""
    spends_as: str = ""
    """The peer of which that budget is the spend."""

    @property
    def title(self) -> str:
        """What its line of the result is called."""
        return f"{self.name} as {self.spends_as}" if self.spends_as else self.name


def load_entrants(policies: Sequence[str]) -> list[Entrant]:
    """Return the policies of files, and `random` and `oracle`; raise `ConfigError` for bad files and equal names."""
    entrants = [Entrant(name=name, kind=name) if name in STAND_INS else _of_file(Path(name)) for name in policies]
    for number, entrant in enumerate(entrants):
        if entrant.name in [earlier.name for earlier in entrants[:number]]:
            raise ConfigError(f"two policies are named {entrant.name!r}; give one another name = in its file")
    return entrants


def build_entrant(entrant: Entrant) -> tuple[Policy, list[LearningPolicy]]:
    """Build a policy from its specs, cold, and return it with every object that learns for it."""
    built = build(entrant.specs, {}, reward=reward)
    return built[entrant.name], [policy for policy in built.values() if isinstance(policy, LearningPolicy)]


def _of_file(path: Path) -> Entrant:
    if not path.exists() and path.suffix != ".toml":
        known = did_you_mean(str(path), STAND_INS)
        raise ConfigError(f"--policy {path}: there is no such file; give a policy file, random or oracle ({known})")
    spec = load_spec(path)
    specs = _with_references(spec, path) if _references(spec) else {spec.name: spec}
    return Entrant(name=spec.name, kind=spec.kind, specs=specs)


def _with_references(spec: Spec, path: Path) -> dict[str, Spec]:
    """Return a spec and, from the same folder, those it refers to, directly or by way of others."""
    folder = load_specs(path.parent)
    found, open_names = {spec.name: spec}, [*_references(spec)]
    while open_names:
        name = open_names.pop()
        if name not in folder:
            raise ConfigError(f"no policy beside it is named {name!r}; {did_you_mean(name, folder)}", path=str(path))
        if name not in found:
            found[name] = folder[name]
            open_names += _references(folder[name])
    return found


def _references(spec: Spec) -> list[str]:
    """Return the names of the policies that a spec refers to."""
    return [member for _, member in spec.members]
