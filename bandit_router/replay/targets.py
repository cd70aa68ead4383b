"""The policies that a log is asked about, from files, from a database's versions, or from the log's own columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.policy.load import build, learning_names, load_spec, load_specs, spec_hash
from bandit_router.policy.spec import Spec
from bandit_router.protocols import LearningPolicy, Policy, VersionStore
from bandit_router.reward.utility import reward
from bandit_router.types import Version

Learning = Literal["version", "log", "rejection", "dr_ns"]
LEARNING: Final[tuple[Learning, ...]] = ("version", "log", "rejection", "dr_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A policy to evaluate: its spec with those it refers to, and the learned states to take; or a log's column.

    `learning`: as its `version` stands; learning from the whole `log`, event by event; or from what it would have done
    itself, by `rejection` or `dr_ns` (both are replayed by `learning.py`). A policy that learns nothing is `version`.
    """

    name: str
    kind: str
    specs: Mapping[str, Spec] = field(default_factory=dict)
    versions: Mapping[str, Version] = field(default_factory=dict)
    learning: Learning = "version"

    @property
    def column(self) -> bool:
        """Whether the log itself carries this target's probabilities."""
        return not self.specs

    @property
    def learned(self) -> str:
        """Say what state it is in."""
        if self.learning != "version":
            return self.learning
        return ", ".join(f"{name}@{version.number}" for name, version in sorted(self.versions.items())) or "cold"

    def policy(self) -> tuple[Policy, list[LearningPolicy]]:
        """Build the policy afresh, with every object that learns for it."""
        built = build(self.specs, self.versions, reward=reward)
        return built[self.name], [policy for policy in built.values() if isinstance(policy, LearningPolicy)]


def load_target(text: str, *, versions: VersionStore | None, learning: Learning | None) -> Target:
    """Return the target of a policy file, or `column:NAME`; raise `ConfigError` for a bad file.

    What learns takes its newest version, where there is a store that has one, unless `learning` says otherwise; without
    any it learns from the log.
    """
    if text.startswith("column:"):
        return Target(name=text.removeprefix("column:"), kind="column")
    path = Path(text)
    if not path.exists():
        raise ConfigError("there is no such policy file; give one, or column:NAME", path=text)
    spec = load_spec(path)
    specs = _with_members(spec, path)
    learners = learning_names(specs)
    found: dict[str, Version] = {}
    for name in learners if versions and learning in (None, "version") else ():
        version = versions.latest(name) if versions else None
        if version and version.spec_hash == spec_hash(specs[name]):
            found[name] = version
    way: Learning = "version"
    if learners:
        way = learning or ("version" if len(found) == len(learners) else "log")
    return Target(name=spec.name, kind=spec.kind, specs=specs, versions=found, learning=way)


def load_targets(texts: Sequence[str], *, versions: VersionStore | None, learning: Learning | None) -> list[Target]:
    """Return targets of different names; raise `ConfigError`."""
    targets = [load_target(text, versions=versions, learning=learning) for text in texts]
    for number, target in enumerate(targets):
        if target.name in [earlier.name for earlier in targets[:number]]:
            raise ConfigError(f"two targets are named {target.name!r}; give one another name = in its file")
    return targets


def _with_members(spec: Spec, path: Path) -> dict[str, Spec]:
    """Return a spec and, from the same folder, those it refers to, directly or by way of others."""
    if not spec.members:
        return {spec.name: spec}
    folder, found, wanted = load_specs(path.parent), {spec.name: spec}, [name for _, name in spec.members]
    while wanted:
        name = wanted.pop()
        if name not in folder:
            raise ConfigError(f"no policy beside it is named {name!r}; {did_you_mean(name, folder)}", path=str(path))
        if name not in found:
            found[name] = folder[name]
            wanted += [member for _, member in folder[name].members]
    return found
