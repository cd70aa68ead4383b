"""Turns a model and a request into the arguments of one litellm call; it sends nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from bandit_router.errors import ProviderError
from bandit_router.types import ChatRequest, Model

OPENAI_PARAMS: Final = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "verbosity",
        "web_search_options",
    }
)
"""What litellm takes by name and translates for each provider. Everything else goes into the body as it is.

A list of what is let through, never of what is held back: litellm's own arguments (`api_base`, `api_key`, `fallbacks`,
`mock_response` ...) share the name space, and a client that could set them could send our keys to a host of its own.
"""

_BODY_KEYS: Final = frozenset({"model", "messages", "stream", "stream_options"})
CLIENT_TIMEOUT_S: Final = 600.0
NO_KEY: Final = "none"


def api_key(model: Model, environ: Mapping[str, str]) -> str | None:
    """Return the key to call the model with, None to let litellm find the provider's usual variable.

    An endpoint of one's own without a key variable gets a dummy, so that no provider's key is ever sent to it. Raise
    `ProviderError` when the variable named in the model's entry is not set.
    """
    if model.api_key_env is None:
        return NO_KEY if model.api_base else None
    key = environ.get(model.api_key_env)
    if not key:
        raise ProviderError("error", f"{model.name} needs a key: set the environment variable {model.api_key_env}")
    return key


def call_arguments(model: Model, request: ChatRequest, *, key: str | None) -> dict[str, Any]:
    """Return the keyword arguments of `litellm.acompletion`, with what the client sent passed through.

    Messages and parameters are copied because litellm edits them in place for some providers.
    """
    params = copy.deepcopy(dict(request.params))
    if model.logprobs:
        params.setdefault("logprobs", True)
    extra = {name: params.pop(name) for name in list(params) if name not in OPENAI_PARAMS}
    body = {name: value for name, value in extra.items() if name not in _BODY_KEYS}
    return {
        **params,
        **({"extra_body": body} if body else {}),
        **endpoint(model.target, api_base=model.api_base, key=key),
        "messages": copy.deepcopy([dict(message) for message in request.messages]),
        # litellm would import its MCP gateway for any call with tools, which needs a package that is not installed.
        "_skip_mcp_handler": True,
    }


def endpoint(target: str, *, api_base: str | None, key: str | None) -> dict[str, Any]:
    """Return the arguments that every litellm call shares: whom to ask, and no retries, which are the cascade's."""
    return {
        "model": target,
        "api_base": api_base,
        "api_key": key,
        # One constant: litellm keeps a client, with its connections, for each distinct timeout it is given.
        "timeout": CLIENT_TIMEOUT_S,
        "num_retries": 0,
        "max_retries": 0,
    }
