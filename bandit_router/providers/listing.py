"""Asks an endpoint that speaks OpenAI's protocol which models it has; it calls none of them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Final

from bandit_router.errors import ProviderError

TIMEOUT_S: Final = 10.0
MOST_BYTES: Final = 4_000_000
KNOWN: Final[Mapping[str, tuple[str, str]]] = {"openai": ("https://api.openai.com/v1", "OPENAI_API_KEY")}
"""Providers whose own address has such a list, with the usual variable of their key."""


def list_models(
    provider: str, *, api_base: str | None, api_key_env: str | None, environ: Mapping[str, str]
) -> list[str] | None:
    """Return the ids of an endpoint's models, None when the provider has no such list; raise `ProviderError`.

    An endpoint of one's own without a key variable gets no key, so that no provider's key is ever sent to it.
    """
    if api_base is None and provider not in KNOWN:
        return None
    base, usual = (api_base, None) if api_base is not None else KNOWN[provider]
    key = environ.get(api_key_env or usual or "")
    headers = {"user-agent": "bandit-router", **({"authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(f"{base.rstrip('/')}/models", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            body = json.loads(response.read(MOST_BYTES))
        return [str(each["id"]) for each in body["data"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProviderError("error", f"{base} gave no list of models: {error}") from error
