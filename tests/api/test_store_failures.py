"""A full disk and a lost database: nobody gets an answer that was not logged, and service comes back by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import openai
import pytest
from sqlalchemy import event

from tests.api.service import Service
from tests.api.upstream import Upstream
from tests.databases import Postgres

LONG = "Tell me of tides. " * 3_000
FULL_TEXT = {"log_text": "full"}


def fill_disk(router: Service) -> Callable[[], None]:
    """Leave the database no page to grow by; return what gives it room again."""
    pages = [1]
    event.listen(
        router.services.stores.engine, "checkout", lambda file, *_: file.execute(f"PRAGMA max_page_count = {pages[0]}")
    )
    return lambda: pages.__setitem__(0, 2**30)


def test_a_full_disk_gives_no_answer_but_a_time_to_retry(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream
) -> None:
    router = route_with(sqlite_url, store={"url": sqlite_url, **FULL_TEXT})
    fill_disk(router)
    response = router.chat(LONG)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "store_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "choices" not in response.json()


def test_while_the_disk_is_full_no_money_is_spent(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream
) -> None:
    router = route_with(sqlite_url, store={"url": sqlite_url, **FULL_TEXT})
    fill_disk(router)
    router.chat(LONG)
    spent = len(upstream.called)
    assert [router.chat(LONG).status_code for _ in range(3)] == [503, 503, 503]
    assert len(upstream.called) == spent


def test_with_room_on_the_disk_answers_come_again(route_with: Callable[..., Service], sqlite_url: str) -> None:
    router = route_with(sqlite_url, store={"url": sqlite_url, **FULL_TEXT})
    give_room = fill_disk(router)
    full = [router.chat(LONG).status_code, router.http.get("/readyz").status_code]
    give_room()
    assert (full, router.chat(LONG).status_code, router.chat(LONG).status_code) == ([503, 503], 200, 200)
    assert router.http.get("/readyz").status_code == 200


def test_a_deleted_file_gives_no_answer_that_would_be_lost(
    route_with: Callable[..., Service], sqlite_url: str, sqlite_file: Path
) -> None:
    router = route_with(sqlite_url)
    path = Path(router.services.stores.engine.url.database or "")
    before = router.chat().status_code
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    deleted = [router.chat().status_code, router.http.get("/readyz").status_code]
    shutil.copy(sqlite_file, path)
    back = [router.chat().status_code, router.http.get("/readyz").status_code]
    assert (before, deleted, back) == (200, [503, 503], [200, 200])


def test_a_lost_database_fails_every_route_that_needs_it_and_only_those(
    route_with: Callable[..., Service], postgres: Postgres, postgres_url: str
) -> None:
    router = route_with(postgres_url)
    decided = router.decide()
    with postgres.stopped():
        failing = [
            router.chat(),
            router.http.get(f"/v1/decisions/{decided}"),
            router.http.post("/v1/feedback", json={"decision_id": decided, "score": 1.0}),
            router.http.get("/readyz"),
        ]
        living = [router.http.get(path) for path in ("/healthz", "/v1/models", "/metrics")]
    assert [r.status_code for r in failing] == [503] * 4
    assert all(r.headers["retry-after"] for r in failing)
    assert [r.status_code for r in living] == [200] * 3
    assert "bandit_router_store_up 0.0" in living[-1].text
    assert router.chat().status_code == 200
    assert router.http.get("/readyz").status_code == 200


def test_the_official_client_sees_a_lost_database_as_a_server_error(
    route_with: Callable[..., Service], postgres: Postgres, postgres_url: str
) -> None:
    router = route_with(postgres_url)
    with router.openai() as client, postgres.stopped(), pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}])
    assert (caught.value.status_code, caught.value.code) == (503, "store_unavailable")
