"""Says what kind of failure an exception of litellm stands for; it catches nothing."""

from __future__ import annotations

import re
from typing import Final

from bandit_router.errors import ProviderError, ProviderErrorKind
from bandit_router.types import Model

_LONGEST: Final = 300
_CLASSES: Final = re.compile(r"\A(?:(?:litellm\.)?[A-Z]\w*(?:Error|Exception|Timeout)\s*(?::|-)\s+)+")
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
    # What may quote the request stands after the first colon, so that the log can keep the rest alone.
    message = f"{model.name} failed ({type(error).__name__}): {_detail(text)}".removesuffix(": ")
    return ProviderError(kind_of(error, status), message, status=status)


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


def _detail(text: str) -> str:
    """Return the first line of what was said, without the names of classes that litellm puts before it."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return _CLASSES.sub("", line)[:_LONGEST].rstrip(". ")


def _said(error: Exception) -> str:
    return f"{getattr(error, 'code', '')} {getattr(error, 'body', '')} {error}".lower()


def _key_advice(model: Model) -> str:
    if model.api_key_env:
        return f"check the key in the environment variable {model.api_key_env} and what it is allowed to do"
    return "name the environment variable that holds its key, as api_key_env in its entry in router.toml"
