"""Everything that can go wrong, by name; each message says what to do next. HTTP codes are in `api/errors.py` only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Literal

ProviderErrorKind = Literal["timeout", "rate_limit", "refused", "error"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, or None when none is close.

    >>> nearest("tmeout_s", ["timeout_s", "tier"])
    'timeout_s'
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a closing sentence that names the nearest known name, or lists them all.

    >>> did_you_mean("vw_bc", ["vw_cb"])
    "did you mean 'vw_cb'?"
    """
    names = sorted(known)
    close = nearest(name, names)
    return f"did you mean {close!r}?" if close else f"known: {', '.join(names) or 'none'}"


class RouterError(Exception):
    """The root of every error this package raises on purpose."""


class ConfigError(RouterError):
    """A configuration file or spec is wrong; the message gives file, line, key and remedy."""

    def __init__(self, message: str, *, path: str = "", line: int | None = None) -> None:
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(f"{where}{message}")
        self.path, self.line = path, line


class BadRequest(RouterError):
    """The client's request cannot be carried out as it stands; `param` names the field at fault."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class UnknownModel(RouterError):
    """No model, tier or policy has the name asked for."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no model, tier or policy is named {name!r}; {did_you_mean(name, known)}")
        self.name = name


class UnknownPolicy(RouterError):
    """No policy spec has the name asked for."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no policy is named {name!r}; {did_you_mean(name, known)}")
        self.name = name


class UnknownDecision(RouterError):
    """No decision has the id asked for."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(
            f"no decision has the id {decision_id!r}; send the value of the x-router-decision-id response header"
        )


class UnknownReview(RouterError):
    """The decision is not in the review queue."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(f"decision {decision_id!r} is not in the review queue; GET /admin/review lists what is")


class ReviewConflict(RouterError):
    """The reviewer does not hold what they grade; the message says what to do."""


class NoEligibleModel(RouterError):
    """Every model was ruled out before one could be called; the message gives each reason."""


class AllModelsFailed(RouterError):
    """Every eligible model was tried and failed."""

    def __init__(self, decision_id: str, attempts: Sequence[str]) -> None:
        super().__init__(
            f"every model tried for decision {decision_id} failed: {'; '.join(attempts)}. "
            f"GET /v1/decisions/{decision_id} shows each attempt"
        )
        self.decision_id = decision_id


class ProviderError(RouterError):
    """One model call failed; the cascade goes on to the next model."""

    def __init__(self, kind: ProviderErrorKind, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.status = kind, status


class EmbeddingFailed(RouterError):
    """The embedder gave no vector."""


class StoreUnavailable(RouterError):
    """The database did not take a write or answer a read; nothing was served that was not logged. Try again soon."""


class RecordRejected(RouterError):
    """The database refused one record: its id is in the log already, or it holds a value that cannot be kept."""


class VersionConflict(RouterError):
    """Another learner published this version number first; acquire the lease again and go on from its version."""


class UnknownExperiment(RouterError):
    """No experiment has the name asked for."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no experiment is named {name!r}; {did_you_mean(name, known)}")
        self.name = name


class ExperimentConflict(RouterError):
    """An experiment is not in a state for the change asked for, or somebody else changed it first; look at it again."""


class UnknownVersion(RouterError):
    """No version of the policy has the number asked for, or its state is no longer kept."""


class PromotionConflict(RouterError):
    """Which version serves is not as it was looked at, or cannot be changed so; look at it again."""


class SchemaOutdated(RouterError):
    """The database's schema is not the one this version needs; run `bandit-router migrate`."""


class CorruptArtifact(RouterError):
    """A learned state does not match its checksum or cannot be read; the last good version goes on serving."""


class Unauthorized(RouterError):
    """The bearer key is missing, unknown or revoked."""


class Forbidden(RouterError):
    """The key is valid and is not an administrator's, which this needs."""


class BodyTooLarge(RouterError):
    """The request's body is over the configured limit."""


class UnusableLog(RouterError, ValueError):
    """Logged rows cannot be evaluated as they were given; the message names the argument, the row and the remedy."""

    def __init__(self, message: str, *, argument: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


class UnknownEstimator(RouterError, ValueError):
    """No estimator has the name asked for."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no estimator is named {name!r}; {did_you_mean(name, known)}")
        self.name = name


class MissingExtra(RouterError):
    """A part was asked for whose library is not installed; the message says what to install."""
