"""`bandit-router review`: what a reviewer sees and types, without a terminal."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bandit_router.cli.app import main
from bandit_router.cli.desk import read_line
from bandit_router.reward.feedback import combine
from bandit_router.settings import load_settings
from bandit_router.store.append import Queueing
from bandit_router.store.events import Events
from bandit_router.store.log import Log
from bandit_router.store.reviews import Reviews
from bandit_router.store.session import open_engine
from bandit_router.store.text import LogText
from tests.factories import make_decision, make_outcome


class Desk:
    """A folder with a router whose queue can be filled, and a keyboard."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd
        self("init")
        self("migrate")

    def __call__(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        """Run a command with something typed, check its exit code, and return what it printed."""
        self._monkeypatch.setattr(sys, "argv", ["bandit-router", *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capfd.readouterr()
        assert (ended.value.code or 0) == code, captured.err
        return captured.err if code else captured.out

    def queue(self, *prompts: str, reviewers: int = 1, log_text: LogText = "full") -> None:
        """Queue one answer for each prompt."""
        engine = open_engine(load_settings(Path("router.toml")).store.url)
        queueing = Queueing(why=lambda _: "margin", daily_limit=100, reviewers=reviewers)
        log = Log(engine, log_text=log_text, queueing=queueing)

        async def fill() -> None:
            for number, prompt in enumerate(prompts):
                messages = ({"role": "user", "content": prompt},)
                decision = make_decision(number, messages=messages, created_at=datetime.now(UTC) - timedelta(hours=1))
                await log.decided(decision)
                await log.finished(make_outcome(decision))

        asyncio.run(fill())
        log.close()
        engine.dispose()

    def feedback(self, number: int) -> list[tuple[str, float, str | None]]:
        """Return what was said of an answer."""
        engine = open_engine(load_settings(Path("router.toml")).store.url)
        account = Events(engine, combine=combine).decision(make_decision(number).id)
        engine.dispose()
        return [(given.kind, given.score, given.comment) for given in account.feedback]

    def open(self) -> int:
        """Return how many answers wait."""
        engine = open_engine(load_settings(Path("router.toml")).store.url)
        found = Reviews(engine, log_text="full", keep=timedelta(days=1)).open(now=datetime.now(UTC))
        engine.dispose()
        return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Desk(monkeypatch, capfd)


def test_a_reviewer_sees_question_answer_and_verdicts(desk: Desk) -> None:
    desk.queue("Why are there tides?")
    shown = desk("review", typed="q\n")
    for text in ("Why are there tides?", "the answer of small", "rules: 0.70  small looks fine", "timed out", "margin"):
        assert text in shown


def test_grades_are_kept_with_their_comments(desk: Desk) -> None:
    desk.queue("one", "two", "three")
    shown = desk("review", typed="g\nb not what was asked\n0.4\n")
    assert [desk.feedback(number) for number in range(3)] == [
        [("review", 1.0, None)],
        [("review", 0.0, "not what was asked")],
        [("review", 0.4, None)],
    ]
    assert "nothing more to review for you" not in desk("review")  # reviewing is off: it says how to switch it on
    assert "done: 3 graded" in shown


def test_skipping_and_escalating_keep_no_grade(desk: Desk) -> None:
    desk.queue("one", "two")
    assert "done: 1 skipped, 1 escalated" in desk("review", typed="s\ne ask a lawyer\n")
    assert (desk.feedback(0), desk.feedback(1), desk.open()) == ([], [], 2)
    assert "note: ask a lawyer" in desk("review", "--reviewer", "bob", typed="q\n")


@pytest.mark.parametrize("typed", ["q\n", ""], ids=["quit", "end of input"])
def test_leaving_gives_the_item_back(desk: Desk, typed: str) -> None:
    desk.queue("one")
    desk("review", "--reviewer", "ann", typed=typed)
    assert "one" in desk("review", "--reviewer", "bob", typed="q\n")


def test_what_cannot_be_understood_is_asked_again(desk: Desk) -> None:
    desk.queue("one")
    shown = desk("review", typed="wat\n1.5\n\ng\n")
    assert shown.count("is none of these") == 3
    assert desk.feedback(0) == [("review", 1.0, None)]


def test_control_characters_of_a_prompt_do_not_reach_the_terminal(desk: Desk) -> None:
    desk.queue("look \x1b[2J\x1b]0;title\x07 [bold]here[/bold]")
    shown = desk("review", typed="q\n")
    assert "\x07" not in shown
    assert "\x1b[2J" not in shown
    assert "[bold]here[/bold]" in shown


def test_text_that_was_not_stored_is_said_to_be_missing(desk: Desk) -> None:
    desk.queue("one", log_text="none")
    assert desk("review", typed="q\n").count("not stored") == 2


def test_an_empty_queue_says_how_to_fill_it(desk: Desk) -> None:
    shown = desk("review")
    assert "[review] enabled = true" in shown
    assert "log_text" in shown


def test_reviewing_without_text_is_refused_with_the_setting_to_change(desk: Desk) -> None:
    path = Path("router.toml")
    text = path.read_text()
    path.write_text(text.replace("enabled = false               # true: answers", "enabled = true  # answers"))
    error = desk("review", code=2)
    assert 'log_text = "redacted" or "full"' in error
    path.write_text(path.read_text().replace('log_text = "none"', 'log_text = "redacted"'))
    assert "nothing more to review" in desk("review")


def test_the_agreement_of_two_reviewers_is_shown_and_written(desk: Desk) -> None:
    desk.queue("one", "two", "three", reviewers=2)
    desk("review", "--reviewer", "ann", typed="g\ng\nb\n")
    desk("review", "--reviewer", "bob", typed="g\nb\nb\n")
    shown = desk("review", "--report", "--json", "report.json")
    assert "ann and bob" in shown
    assert "67%" in shown
    told = json.loads(Path("report.json").read_text())
    assert told["pairs"] == [{"reviewers": ["ann", "bob"], **told["overall"]}]
    assert (told["overall"]["items"], told["overall"]["kappa"]) == (3, pytest.approx(0.4))


@pytest.mark.parametrize("options", [["--reason", "boredom"], ["--json", "x.json"]], ids=["reason", "json"])
def test_options_that_make_no_sense_are_bad_input(desk: Desk, options: list[str]) -> None:
    assert desk("review", *options, code=2).count("\n") == 1


@pytest.mark.parametrize(
    ("line", "action", "score"),
    [("G", "grade", 1.0), ("bad", "grade", 0.0), (" 0.5 ", "grade", 0.5), ("S", "skip", None), ("quit", "quit", None)],
)
def test_keys_mean_what_they_say(line: str, action: str, score: float | None) -> None:
    said = read_line(line)
    assert said
    assert (said.action, said.score) == (action, score)


@pytest.mark.parametrize("line", ["", "x", "nan", "-1", "1e9", "inf"])
def test_other_keys_mean_nothing(line: str) -> None:
    assert read_line(line) is None
