"""Posts events of models to a URL as JSON; that it fails is logged and changes nothing."""

from __future__ import annotations

import json
import logging
import urllib.request
from dataclasses import asdict
from typing import Final

from bandit_router.types import ModelEvent

log = logging.getLogger(__name__)
TIMEOUT_S: Final = 5.0


def post(url: str, event: ModelEvent) -> None:
    """Send one event; the receiver tells repeated ones by `key`."""
    body = json.dumps(asdict(event), default=str).encode()
    headers = {"content-type": "application/json", "user-agent": "bandit-router"}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            pass
    except OSError as error:
        log.error("the webhook for models did not take an event: %s", error)
