"""Which Ray is used: the one named, else one of its own and never another process's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bandit_router.errors import ConfigError
from bandit_router.replay.rays import start


@dataclass
class Ray:
    """Notes how it is started."""

    dead: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def init(self, **keys: Any) -> None:
        self.asked.append(keys)
        if self.dead:
            raise ConnectionError


def test_without_an_address_a_local_one_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray = Ray()
    start(ray, 2)
    assert [(keys["address"], keys["num_cpus"]) for keys in ray.asked] == [("local", 2)]


def test_the_one_named_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    ray = Ray()
    start(ray, 2)
    assert [(keys["address"], "num_cpus" in keys) for keys in ray.asked] == [("head:6379", False)]


def test_one_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with pytest.raises(ConfigError, match="no Ray answers at RAY_ADDRESS=head:6379"):
        start(Ray(dead=True), 2)
