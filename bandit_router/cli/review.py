"""`bandit-router review`: shows answers that wait for a person, one by one, and takes grades from the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json, user_name
from bandit_router.errors import BadRequest, did_you_mean
from bandit_router.settings import Settings, load_settings

if TYPE_CHECKING:
    from bandit_router.cli.desk import Desk


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review")(review)


def review(
    config: Config = DEFAULT_CONFIG,
    reviewer: Annotated[str | None, typer.Option(help="Who reviews; your user name if left out.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only what was queued for: audit, disagreement or margin.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Show how reviewers agree, and review nothing.")] = False,
    json_path: Json = None,
) -> None:
    """Grade answers that the judges were unsure of; each grade is learned from as the truth."""
    from bandit_router.judge.unsure import REASONS

    if reason is not None and reason not in REASONS:
        raise BadRequest(f"--reason is {reason!r}; {did_you_mean(reason, REASONS)}")
    if json_path and not report:
        raise BadRequest("--json is for --report; add that, or leave --json out")
    settings = load_settings(config)
    with _desk(settings, reviewer or _user(), reason) as desk:
        if report:
            desk.show_report(json_path)
        else:
            desk.work()


def _user() -> str:
    if name := user_name():
        return name
    raise BadRequest("who reviews? this system does not know your name; give --reviewer NAME")


@contextmanager
def _desk(settings: Settings, reviewer: str, reason: str | None) -> Iterator[Desk]:
    from bandit_router.bootstrap import new_id
    from bandit_router.cli.desk import Desk
    from bandit_router.reward.feedback import combine
    from bandit_router.store.events import Events
    from bandit_router.store.reviews import Reviews
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        yield Desk(
            reviews=Reviews(engine, log_text=settings.store.log_text, keep=timedelta(days=settings.review.keep_days)),
            events=Events(engine, combine=combine),
            settings=settings.review,
            reviewer=reviewer,
            reason=reason,
            hold=timedelta(minutes=settings.review.claim_minutes),
            now=lambda: datetime.now(UTC),
            new_id=new_id,
        )
    finally:
        engine.dispose()
