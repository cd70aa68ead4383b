"""A reviewer's desk in the terminal: claims, shows, asks, and hands in what was typed; it keeps nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import typer
from rich.console import Console

from bandit_router.cli.case import print_case
from bandit_router.cli.output import show, write_json
from bandit_router.errors import ReviewConflict
from bandit_router.judge.agreement import Agreement, report
from bandit_router.settings import ReviewSettings
from bandit_router.store.events import Events
from bandit_router.store.reviews import Item, Reviews
from bandit_router.types import Feedback

KEYS: Final = "[g]ood  [b]ad  0..1 a score  [s]kip  [e]scalate  [q]uit   (a comment may follow)"
_GRADES: Final = {"g": 1.0, "good": 1.0, "b": 0.0, "bad": 0.0}
_OTHERS: Final[dict[str, Literal["skip", "escalate", "quit"]]] = {
    **{"s": "skip", "skip": "skip"},
    **{"e": "escalate", "escalate": "escalate"},
    **{"q": "quit", "quit": "quit"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a reviewer typed: an action, with a score where it is a grade."""

    action: Literal["grade", "skip", "escalate", "quit"]
    score: float | None = None
    comment: str | None = None


def read_line(line: str) -> Said | None:
    """Return what a line says; None when it says nothing that can be done.

    >>> read_line("b not what was asked")
    Said(action='grade', score=0.0, comment='not what was asked')
    """
    word, _, rest = line.strip().partition(" ")
    comment = rest.strip() or None
    if action := _OTHERS.get(word.lower()):
        return Said(action=action, comment=comment)
    try:
        score = _GRADES.get(word.lower())
        score = float(word) if score is None else score
    except ValueError:
        return None
    return Said(action="grade", score=score, comment=comment) if 0.0 <= score <= 1.0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One reviewer at work."""

    reviews: Reviews
    events: Events
    settings: ReviewSettings
    reviewer: str
    reason: str | None
    hold: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    console: Console = field(default_factory=Console)
    done: Counter[str] = field(default_factory=Counter)

    def work(self) -> None:
        """Hand out items until there are none for this reviewer, or they quit."""
        self._say(f"reviewing as {self.reviewer}; {self.reviews.open(now=self.now())} waiting")
        while item := self.reviews.claim(self.reviewer, now=self.now(), hold=self.hold, reason=self.reason):
            account = self.events.decision(item.decision_id)
            print_case(self.console, item, account, self.reviews.notes(item.decision_id))
            said = self._ask()
            if said.action == "quit":
                self.reviews.release(item.decision_id, self.reviewer)
                break
            self._hand_in(item, said)
        else:
            self._say(self._nothing_left())
        counted = ", ".join(f"{count} {name}" for name, count in self.done.items()) or "nothing"
        self._say(f"done: {counted}")

    def show_report(self, json_path: Path | None) -> None:
        """Print how reviewers agree with each other and with the panel, and write it as JSON where asked."""
        found = report(self.reviews.grades())
        self._say(f"{found.grades} grades of {found.items} answers; {self.reviews.open(now=self.now())} waiting")
        rows = [_row(" and ".join(names), pair) for names, pair in found.pairs.items()]
        rows += [_row("all pairs", found.overall)] if len(rows) > 1 else []
        for title, told in (("reviewers with each other", rows), ("judges with reviewers", _rows(found.panel))):
            if told:
                show(title, told)
            else:
                self._say(f"{title}: nothing to compare yet")
        if json_path:
            pairs = [{"reviewers": names, **asdict(pair)} for names, pair in found.pairs.items()]
            write_json(json_path, {**asdict(found), "pairs": pairs})

    def _ask(self) -> Said:
        while True:
            self._say(KEYS)
            try:
                line = input("> ")
            except (EOFError, KeyboardInterrupt):
                self._say("")
                return Said(action="quit")
            if said := read_line(line):
                return said
            self._say(f"{line.strip()[:40]!r} is none of these; to grade, type g, b or a number from 0 to 1")

    def _hand_in(self, item: Item, said: Said) -> None:
        now = self.now()
        try:
            if said.score is not None:
                self.reviews.grade(self.reviewer, self._feedback(item, said, said.score, now))
            else:
                escalate = said.action == "escalate"
                self.reviews.pass_on(item.decision_id, self.reviewer, now=now, escalate=escalate, comment=said.comment)
        except ReviewConflict as error:
            self._say(f"not taken: {error}")
        else:
            self.done[{"grade": "graded", "skip": "skipped"}.get(said.action, "escalated")] += 1

    def _feedback(self, item: Item, said: Said, score: float, now: datetime) -> Feedback:
        return Feedback(
            id=self.new_id(),
            decision_id=item.decision_id,
            score=score,
            received_at=now,
            comment=said.comment,
            kind="review",
        )

    def _nothing_left(self) -> str:
        if not self.settings.enabled:
            return (
                "nothing to review, and no answers are queued: set [review] enabled = true, and [store] log_text to "
                '"redacted" or "full", so that there is something to show'
            )
        return "nothing more to review for you"

    def _say(self, text: str) -> None:
        typer.echo(text)


def _rows(agreements: Mapping[str, Agreement]) -> list[dict[str, object]]:
    return [_row(name, agreement) for name, agreement in agreements.items()]


def _row(name: str, agreement: Agreement) -> dict[str, object]:
    share, kappa = agreement.agreement, agreement.kappa
    return {
        "who": name,
        "answers": agreement.items,
        "agree": "" if share is None else f"{share:.0%}",
        "kappa": "" if kappa is None else f"{kappa:.2f}",
    }
