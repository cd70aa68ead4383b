"""A router on SQLite before an upstream that does as it is told, both over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.api.service import KEY_ENV, SECRET, Service, make_settings, routing, serving
from tests.api.upstream import Upstream
from tests.databases import sqlite_copy


@pytest.fixture(scope="session")
def running_upstream() -> Iterator[tuple[Upstream, str]]:
    """The upstream and its address."""
    upstream = Upstream()
    with serving(upstream.app, lifespan="off") as url:
        yield upstream, url


@pytest.fixture
def upstream(running_upstream: tuple[Upstream, str]) -> Iterator[Upstream]:
    """The upstream, which forgets what one test told it before the next."""
    running_upstream[0].reset()
    yield running_upstream[0]
    running_upstream[0].reset()


@pytest.fixture(scope="session")
def provider_key() -> Iterator[str]:
    """The key that providers are called with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_ENV, SECRET)
        yield SECRET


@pytest.fixture(scope="session")
def shared_router(
    sqlite_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    running_upstream: tuple[Upstream, str],
    provider_key: str,
) -> Iterator[Service]:
    """One router for all the tests that leave it as it was."""
    database = sqlite_copy(sqlite_file, tmp_path_factory.mktemp("shared"))
    with routing(make_settings(database, running_upstream[1])) as service:
        yield service


@pytest.fixture
def router(shared_router: Service, upstream: Upstream) -> Service:
    """The shared router, with an upstream that answers."""
    return shared_router


@pytest.fixture
def route_with(
    upstream: Upstream, running_upstream: tuple[Upstream, str], provider_key: str
) -> Iterator[Callable[..., Service]]:
    """Start a router of the test's own: the url of its database, then tables of its settings."""
    with ExitStack() as stack:

        def start(database_url: str, **tables: Any) -> Service:
            return stack.enter_context(routing(make_settings(database_url, running_upstream[1], **tables)))

        yield start
