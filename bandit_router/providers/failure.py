"""Says what kind of failure an exception of litellm stands for; it catches nothing."""

from __future__ import annotations

from typing import Final

from bandit_router.errors import ProviderError, ProviderErrorKind
from bandit_router.types import Model

_LONGEST: Final = 300
_POLICY_WORDS: Final = (
    "content_filter",
    "content_policy",
    "content policy",
    "content management policy",
    "safety system",
)


def to_provider_error(error: Exception, model: Model, *, key: str | None) -> ProviderError:
    """Return the failure by kind, with the first line of what the provider said and without the key."""
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    if status in (401, 403):
        return ProviderError("error", f"{model.name} was denied: {_key_advice(model)}", status=status)
    text = str(error).replace(key, "***") if key else str(error)
    detail = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)[:_LONGEST]
    return ProviderError(kind_of(error, status), f"{model.name} failed: {detail}", status=status)


def kind_of(error: Exception, status: int | None) -> ProviderErrorKind:
    """Return timeout, rate_limit, refused (the provider's content policy) or error (all else, wrong keys included)."""
    if status in (408, 504):
        return "timeout"
    if status == 429:
        return "rate_limit"
    # litellm's class is known by its name, so that this file needs no import of it.
    if type(error).__name__ == "ContentPolicyViolationError":
        return "refused"
    return "refused" if status == 400 and any(word in _said(error) for word in _POLICY_WORDS) else "error"


def _said(error: Exception) -> str:
    return f"{getattr(error, 'code', '')} {getattr(error, 'body', '')} {error}".lower()


def _key_advice(model: Model) -> str:
    if model.api_key_env:
        return f"check the key in the environment variable {model.api_key_env} and what it is allowed to do"
    return "name the environment variable that holds its key, as api_key_env in its entry in router.toml"
