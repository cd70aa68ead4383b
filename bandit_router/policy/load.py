"""Reads policy files and builds policies from them and their stored versions; it decides nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.policy.emafusion import Emafusion
from bandit_router.policy.fixed_cascade import FixedCascade
from bandit_router.policy.index.policy import IndexPolicy
from bandit_router.policy.learned import Learned
from bandit_router.policy.mixture import Mixture
from bandit_router.policy.pinned import Pinned
from bandit_router.policy.probe import PROBE
from bandit_router.policy.spec import (
    KINDS,
    EmafusionSpec,
    FixedCascadeSpec,
    IndexSpec,
    LearnedSpec,
    LearningSpec,
    MixtureSpec,
    Spec,
    StaticSpec,
    TaxonomySpec,
    VwCbSpec,
)
from bandit_router.policy.static import Static
from bandit_router.policy.taxonomy import FittedTaxonomy, Taxonomy
from bandit_router.policy.vw_cb import RewardOf, VwCb
from bandit_router.protocols import Policy
from bandit_router.settings import parse_toml
from bandit_router.types import Event, Version

PINNED: Final = Pinned().name
"""The policy name logged when a client asked for a model by name: nobody chose, so nothing is learned from it."""


def load_specs(folder: Path) -> dict[str, Spec]:
    """Read every TOML file of a folder, by policy name; raise `ConfigError` for a bad file, name or reference."""
    specs: dict[str, Spec] = {}
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        spec = load_spec(path)
        if spec.name in specs:
            raise ConfigError(
                f"{files[spec.name]} also names its policy {spec.name!r}; names must be unique", path=str(path)
            )
        specs[spec.name], files[spec.name] = spec, path
    if not specs:
        raise ConfigError("there is no policy file in it; `bandit-router init` writes some", path=str(folder))
    for name in specs:
        _check_components(name, specs, files)
    return specs


def load_spec(path: Path) -> Spec:
    """Read one policy file; raise `ConfigError` with file, line, key and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
        kind = tomllib.loads(text).get("kind")
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", path=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", path=str(path)) from error
    if kind is None:
        raise ConfigError(f"key 'kind' is missing; add it, one of {', '.join(KINDS)}", path=str(path))
    if kind not in KINDS:
        raise ConfigError(
            f"no kind of policy is called {kind!r}; {did_you_mean(str(kind), KINDS)}",
            path=str(path),
            line=_line(text, "kind"),
        )
    spec = parse_toml(text, KINDS[kind], path=str(path))
    if (spec.name or path.stem) in (PINNED, PROBE, "auto"):
        raise ConfigError(f"{spec.name or path.stem!r} is reserved; give the policy another name", path=str(path))
    return spec if spec.name else spec.model_copy(update={"name": path.stem})


def spec_hash(spec: Spec) -> str:
    """Return a hex digest of what the learned state depends on: the same digest, the same meaning of the state."""
    shape = spec.model_dump(mode="json", exclude=set(spec.does_not_shape_state))
    shape["state_format"] = getattr(spec, "state_format", 0)
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def learning_names(specs: Mapping[str, Spec]) -> tuple[str, ...]:
    """Return the names of the policies that learn, sorted."""
    return tuple(sorted(name for name, spec in specs.items() if isinstance(spec, LearningSpec) and spec.does_learn))


def build(specs: Mapping[str, Spec], artifacts: Mapping[str, Version], *, reward: RewardOf) -> dict[str, Policy]:
    """Build every policy once, learning ones from their version or cold; raise `CorruptArtifact` for a damaged one.

    Policies made of others share the objects of this mapping, so those of it that are `LearningPolicy` are all there is
    to learn.
    """
    built: dict[str, Policy] = {}
    for name in sorted(specs, key=lambda name: _depth(name, specs)):
        built[name] = _build(specs[name], specs, built, _usable(specs[name], artifacts.get(name)), reward)
    return built


def _build(
    spec: Spec, specs: Mapping[str, Spec], built: Mapping[str, Policy], version: Version | None, reward: RewardOf
) -> Policy:
    match spec:
        case StaticSpec():
            return Static(spec)
        case FixedCascadeSpec():
            return FixedCascade(spec)
        case TaxonomySpec(fit=True):
            return FittedTaxonomy(spec, built[spec.fallback], version=version, learns=_learns(spec, specs))
        case TaxonomySpec():
            return Taxonomy(spec, built[spec.fallback])
        case LearnedSpec():
            return Learned(spec, version=version, learns=_learns(spec, specs))
        case EmafusionSpec():
            taxonomy = built[spec.taxonomy]
            assert isinstance(taxonomy, Taxonomy), "checked when the files were read"
            return Emafusion(spec, taxonomy, built[spec.learned])
        case VwCbSpec():
            return VwCb(spec, version=version, reward=reward, learns=_learns(spec, specs))
        case IndexSpec():
            return IndexPolicy(spec, version=version, learns=_learns(spec, specs))
        case MixtureSpec():
            return Mixture(spec, [built[component.policy] for component in spec.components])


def _learns(spec: LearningSpec, specs: Mapping[str, Spec]) -> Callable[[Event], bool]:
    """Return what tells the events a policy learns from: probes teach everyone, a shadow only the policy it ran."""
    if spec.learn_from == "all":
        return lambda event: event.decision.policy != PINNED and event.decision.kind != "shadow"
    own = frozenset(name for name in specs if spec.name in closure(name, specs))
    return lambda event: event.decision.policy in own or event.decision.kind == "probe"


def _usable(spec: Spec, version: Version | None) -> Version | None:
    """Return the version if its state still means what the spec says, else None and a warning."""
    if version is None or version.spec_hash == spec_hash(spec):
        return version
    logging.getLogger(__name__).warning(
        "policy %s has changed since version %d; what that learned no longer fits, so it starts cold",
        spec.name,
        version.number,
    )
    return None


def _depth(name: str, specs: Mapping[str, Spec]) -> int:
    return 1 + max((_depth(member, specs) for _, member in specs[name].members), default=0)


def closure(name: str, specs: Mapping[str, Spec]) -> frozenset[str]:
    """Return a policy's name and those of all it is made of."""
    return frozenset({name}).union(*(closure(member, specs) for _, member in specs[name].members))


def _check_components(
    name: str, specs: Mapping[str, Spec], files: Mapping[str, Path], above: tuple[str, ...] = ()
) -> None:
    """Raise `ConfigError` for a policy made of one that is not, not of the kind it must be or, at length, itself."""
    for key, member in specs[name].members:
        chain = (*above, name)
        text = files[name].read_text(encoding="utf-8")
        if member not in specs:
            problem = f"no policy is named {member!r}; {did_you_mean(member, specs)}"
        elif member in chain:
            problem = f"the policy is made of itself: {' > '.join((*chain, member))}; take one of them out"
        elif key == "taxonomy" and not isinstance(specs[member], TaxonomySpec):
            problem = f"{member!r} is of kind {specs[member].kind}; name a policy of kind taxonomy"
        else:
            _check_components(member, specs, files, chain)
            continue
        raise ConfigError(problem, path=str(files[name]), line=_line(text, key, member))


def _line(text: str, key: str, value: str = "") -> int | None:
    """Return the 1-based line that sets `key` (to `value`)."""
    for number, line in enumerate(text.splitlines(), start=1):
        left, equals, right = line.partition("=")
        if equals and key in left and value in right:
            return number
    return None
