"""New versions are swapped in while serving; what cannot be read leaves the last good one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from bandit_router.errors import CorruptArtifact, StoreUnavailable, UnknownPolicy
from bandit_router.live import Live
from bandit_router.types import Version
from tests.factories import START


@dataclass
class Shelf:
    """Published versions, in memory."""

    versions: dict[int, Version] = field(default_factory=dict)
    error: Exception | None = None
    newest: dict[str, int] = field(default_factory=dict)

    def latest(self, _policy: str, /, *, below: int | None = None) -> Version | None:
        numbers = [number for number in self.versions if below is None or number < below]
        return self.versions[max(numbers)] if numbers else None

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        if self.error:
            raise self.error
        return {name: self.newest[name] for name in policies if name in self.newest}

    def put(self, number: int, *, sound: bool = True) -> None:
        self.newest["p"] = number
        if sound:
            about = {"cursor": 0, "events": 0, "spec_hash": "", "parent": None, "created_at": START}
            self.versions[number] = Version(policy="p", number=number, artifact=b"", checksum="", **about)  # type: ignore[arg-type]


def serving(shelf: Shelf) -> Live[str]:
    def build(found: Mapping[str, Version]) -> Mapping[str, str]:
        if "p" in found and found["p"].number == 13:
            raise CorruptArtifact("13")
        return {"p": f"v{found['p'].number}" if "p" in found else "cold", "fixed": "fixed"}

    return Live(learning=["p"], versions=shelf, build=build)


def test_before_anything_is_published_it_serves_cold() -> None:
    live = serving(Shelf())
    assert (live.get("p"), live.numbers, live.names()) == ("cold", {"p": 0}, ("p", "fixed"))


def test_a_published_version_is_swapped_in() -> None:
    shelf = Shelf()
    live = serving(shelf)
    shelf.put(1)
    assert live.refresh()
    assert (live.get("p"), live.numbers) == ("v1", {"p": 1})


def test_nothing_is_swapped_when_nothing_is_new() -> None:
    shelf = Shelf()
    shelf.put(1)
    assert not serving(shelf).refresh()


def test_a_request_keeps_what_it_got() -> None:
    shelf = Shelf()
    live = serving(shelf)
    held = live.get("p")
    shelf.put(1)
    live.refresh()
    assert held == "cold"


def test_while_the_store_is_down_the_last_good_version_serves() -> None:
    shelf = Shelf()
    shelf.put(1)
    live = serving(shelf)
    shelf.put(2)
    shelf.error = StoreUnavailable("down")
    assert not live.refresh()
    assert live.get("p") == "v1"


def test_a_version_that_cannot_be_built_leaves_the_last_good_one(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    shelf.put(1)
    live = serving(shelf)
    shelf.put(13)
    live.refresh()
    assert (live.get("p"), live.numbers) == ("v1", {"p": 1})
    assert "version 13 of p is passed over" in caplog.text
    assert not live.refresh()


def test_it_starts_cold_when_no_version_can_be_built() -> None:
    shelf = Shelf()
    shelf.put(13)
    assert serving(shelf).get("p") == "cold"


def test_a_damaged_newest_version_is_told_apart_from_the_one_served() -> None:
    shelf = Shelf()
    shelf.put(1)
    live = serving(shelf)
    shelf.put(2, sound=False)
    live.refresh()
    assert live.numbers == {"p": 1}
    assert not live.refresh()


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownPolicy, match="did you mean 'fixed'"):
        serving(Shelf()).get("fixd")


def test_other_things_can_be_served_without_a_restart() -> None:
    live = serving(Shelf())
    live.retarget(["q"], lambda _: {"q": "new"})
    assert (live.names(), live.numbers) == (("q",), {"q": 0})


def test_a_retargeting_that_fails_leaves_all_as_it_was() -> None:
    shelf = Shelf()
    live = serving(shelf)
    shelf.error = StoreUnavailable("down")
    with pytest.raises(StoreUnavailable):
        live.retarget(["q"], lambda _: {"q": "new"})
    shelf.error = None
    shelf.put(1)
    assert live.refresh()
    assert live.get("p") == "v1"
