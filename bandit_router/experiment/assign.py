"""Which arm a unit belongs to, by hashes alone: the same on every replica, with no state; it logs and learns nothing.

Three independent hashes of the unit say where it lies in its layer, whether the ramp has reached it, and which arm it
has. Only the second depends on how far the ramp is, so a step of the ramp takes units in and never moves one between
arms, and the arms' shares stay what their weights say at every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from bandit_router.experiment.spec import ArmSpec, EligibleSpec, ExperimentSpec, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of a request when its arm is looked up."""

    request: str
    """The decision's id."""
    session: str | None = None
    user: str | None = None
    """A user by the hash that is logged, `user_hash`."""
    key: str = ""
    category: str = ""
    region: str | None = None

    def unit(self, kind: Unit) -> str | None:
        """Return the unit it belongs to; None when the request does not say."""
        found = {"request": self.request, "session": self.session, "user": self.user, "key": self.key}[kind]
        if found and kind in ("session", "user"):
            # Two tenants may both have a session 1, and each is to be free in naming its own.
            return f"{self.key}\x1f{found}"
        return found or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An experiment that takes units, and the share of the eligible ones that its ramp has reached."""

    spec: ExperimentSpec
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request belongs: the experiment, the arm, and the unit's hash in hex."""

    spec: ExperimentSpec
    arm: ArmSpec
    unit: str

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return self.spec.name


def place(running: Iterable[Running], subject: Subject, *, now: datetime) -> Place | None:
    """Return where a request belongs; None when no experiment takes it. The first that could take it does."""
    for each in running:
        if found := _placed(each, subject, now):
            return found
    return None


def arm_of(spec: ExperimentSpec, unit: str) -> ArmSpec:
    """Return the arm of a unit, whether or not the ramp has reached it."""
    return _pick(spec.served, fraction(f"{spec.seed}\x1farm", unit))


def eligible(spec: EligibleSpec, subject: Subject) -> bool:
    """Return whether a request may take part."""
    return (
        (not spec.categories or subject.category in spec.categories)
        and (not spec.keys or subject.key in spec.keys)
        and (not spec.regions or subject.region in spec.regions)
    )


def fraction(salt: str, unit: str) -> float:
    """Return a number in [0, 1) that depends on nothing but its arguments.

    >>> fraction("a", "1") == fraction("a", "1"), fraction("a", "1") == fraction("b", "1")
    (True, False)
    """
    return (_digest(salt, unit) >> 11) / 2**53


def unit_hash(spec: ExperimentSpec, unit: str) -> str:
    """Return what a unit is logged as, in hex."""
    return f"{_digest(spec.seed, unit):016x}"


def user_hash(key: str, user: str) -> str:
    """Return what a user whom a request names is known by, in hex: two holders of keys may both have a user 1.

    >>> user_hash("acme", "1") == user_hash("acme", "1"), user_hash("acme", "1") == user_hash("other", "1")
    (True, False)
    """
    named = f"{key}\x1f{user}"
    return f"{_digest('user', named):016x}"


def policy_name(spec: ExperimentSpec, arm: ArmSpec) -> str:
    """Return the name that an arm's policy is served and logged under: its own, or that of the arm's copy."""
    return f"{spec.name}.{arm.name}" if arm.copied else arm.policy


def _placed(running: Running, subject: Subject, now: datetime) -> Place | None:
    spec = running.spec
    unit = subject.unit(spec.unit)
    if unit is None or not _runs(spec, now) or not eligible(spec.eligible, subject):
        return None
    if not spec.slots[0] <= fraction(f"{spec.layer}\x1flayer", unit) < spec.slots[1]:
        return None
    if fraction(f"{spec.seed}\x1framp", unit) >= running.share:
        return None
    return Place(spec=spec, arm=arm_of(spec, unit), unit=unit_hash(spec, unit))


def _runs(spec: ExperimentSpec, now: datetime) -> bool:
    return (spec.start is None or spec.start <= now) and (spec.end is None or now < spec.end)


def _pick(arms: Sequence[ArmSpec], at: float) -> ArmSpec:
    """Return the arm whose part of [0, 1), in the order of the file, holds `at`."""
    left = at * sum(arm.weight for arm in arms)
    for arm in arms:
        left -= arm.weight
        if left < 0:
            return arm
    return arms[-1]


def _digest(salt: str, unit: str) -> int:
    return int.from_bytes(blake2b(f"{salt}\x1f{unit}".encode(errors="surrogatepass"), digest_size=8).digest(), "big")
