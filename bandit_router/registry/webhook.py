"""Posts events of models to a URL as JSON, a few times if need be; that it fails is logged and changes nothing."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict
from threading import Thread
from typing import Final

from bandit_router.types import ModelEvent

log = logging.getLogger(__name__)
TIMEOUT_S: Final = 5.0
WAITS_S: Final = (1.0, 5.0, 30.0)
"""How long to wait before each further try."""
AGAIN: Final = frozenset({408, 425, 429})
"""What a receiver says that may take it later; with other codes from 400 to 499 it never will."""


def tell(url: str, event: ModelEvent) -> None:
    """Send an event from a thread of its own, so that nobody waits for the receiver."""
    Thread(target=post, args=(url, event), name="webhook", daemon=True).start()


def post(
    url: str, event: ModelEvent, *, waits_s: Sequence[float] = WAITS_S, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Send one event and return whether it was taken; the receiver tells repeated ones by `key`."""
    body = json.dumps({name: value for name, value in asdict(event).items() if name != "changed"}, default=str).encode()
    headers = {"content-type": "application/json", "user-agent": "bandit-router"}
    request = urllib.request.Request(url, data=body, headers=headers)
    for wait_s in (*waits_s, None):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                return True
        except OSError as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else 500
            if wait_s is None or (code < 500 and code not in AGAIN):
                log.error("the webhook for models did not take an event: %s", error)
                return False
            log.warning("the webhook for models is tried again in %g s: %s", wait_s, error)
            sleep(wait_s)
    return False
