"""Looking after experiments: what is broken is rolled back, what is well is ramped, and hands are kept off the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bandit_router.conduct import Conduct
from bandit_router.errors import ConfigError, ExperimentConflict, StoreUnavailable, UnknownExperiment
from bandit_router.experiment.history import standings
from bandit_router.steward import Steward
from bandit_router.types import Event, ExperimentEvent
from tests.factories import START, make_feedback
from tests.unit.experiment.history import Journal, Remembered, failing, make_spec, start, taking_part

GUARDED: dict[str, Any] = {"guardrails": [{"metric": "error_rate", "margin": 0.0}]}


def requests(n: int, *, failing_every: int = 0) -> list[Event]:
    """Return requests of both arms in turn, of which the treatment's may fail."""
    found = [taking_part(i, "new" if i % 2 else "old", quality=0.5 + (i // 2) % 3 / 10) for i in range(n)]
    fails = failing_every * 2
    return [failing(event) if fails and i % fails == 1 else event for i, event in enumerate(found)]


def steward(events: Sequence[Event], spec: Any = None, *, leads: bool = True) -> Steward:
    return Steward(
        history=Remembered([start(spec or make_spec())]),
        journal=Journal(list(events)),
        turn=lambda: leads,
        now=lambda: START + timedelta(hours=1),
    )


def kinds(made: Steward) -> list[str]:
    return [event.kind for event in made.history.all()]


def test_a_broken_guardrail_is_rolled_back() -> None:
    made = steward(requests(400, failing_every=3), make_spec(**GUARDED))
    made.tick()
    last = made.history.all()[-1]
    assert (last.kind, last.by, last.share) == ("rolled_back", "automatic", 0.0)
    assert "error_rate" in last.reason


def test_an_experiment_that_is_well_goes_up_its_ramp() -> None:
    made = steward(requests(400), make_spec(ramp=[0.1, 0.5], ramp_units=150, **GUARDED))
    made.tick()
    assert [(event.kind, event.share) for event in made.history.all()] == [("started", 0.1), ("ramped", 0.5)]


def test_units_of_earlier_steps_do_not_count_for_the_next() -> None:
    made = steward(requests(400), make_spec(ramp=[0.1, 0.5, 1.0], ramp_units=150))
    made.tick()
    made.tick()
    assert kinds(made) == ["started", "ramped"]


def test_an_experiment_in_hand_is_looked_at_and_left_alone() -> None:
    made = steward(requests(400, failing_every=3), make_spec(automatic=False, **GUARDED))
    made.tick()
    assert kinds(made) == ["started"]
    assert made.newest["trial"].verdict.word == "stop"


def test_only_one_process_looks_after_experiments() -> None:
    made = steward(requests(400, failing_every=3), make_spec(**GUARDED), leads=False)
    made.tick()
    assert kinds(made) == ["started"]


def test_what_somebody_else_did_first_stands() -> None:
    @dataclass
    class Faster(Remembered):
        def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
            raise ExperimentConflict("somebody was faster")

    made = steward(requests(400, failing_every=3), make_spec(**GUARDED))
    made.history = Faster([start(make_spec(**GUARDED))])
    made.tick()
    assert kinds(made) == ["started"]


def test_a_request_told_of_twice_counts_once() -> None:
    events = requests(100)
    again = [taking_part(i, "new" if i % 2 else "old", seq=1000 + i, feedback=1.0) for i in range(100)]
    made = steward([*events, *again])
    made.tick()
    assert sum(made.newest["trial"].analysis.requests) == 100


def rated(events: Sequence[Event], **scores: float) -> list[Event]:
    """Return the same requests told of again, with what people said of each arm's answers."""
    return [
        replace(
            event, seq=10_000 + i, kind="feedback", heard=(make_feedback(i, score=scores[event.decision.arm or ""]),)
        )
        for i, event in enumerate(events)
    ]


def test_what_people_say_is_looked_at_without_a_new_request() -> None:
    events = requests(400)
    made = steward(events, make_spec(labels="random", guardrails=[{"metric": "quality", "margin": 0.0}]))
    made.tick()
    made.journal.events += rated(events, old=1.0, new=0.0)
    made.tick()
    assert kinds(made) == ["started", "rolled_back"]


@dataclass
class Failing(Remembered):
    """A history that cannot be written for a while."""

    failures: int = 1

    def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("down")
        super().append(event, after=after)


def test_a_look_that_failed_is_taken_again() -> None:
    made = steward(requests(400, failing_every=3), make_spec(**GUARDED))
    made.history = Failing([start(make_spec(**GUARDED))])
    made.tick_safely()
    assert kinds(made) == ["started"]
    made.tick_safely()
    assert kinds(made) == ["started", "rolled_back"]


def test_who_leads_again_reports_again() -> None:
    leads = [True, False, True]
    made = steward(requests(400))
    made.turn = lambda: leads.pop(0)
    reported = []
    for _ in range(3):
        made.tick()
        reported.append(list(made.newest))
    assert reported == [["trial"], [], ["trial"]]


@dataclass
class Damaged(Journal):
    """A journal in which an experiment cannot be read."""

    error: Exception = field(default_factory=lambda: ValueError("unreadable"))

    def read(self, cursor: int, /, *, limit: int, experiment: str | None = None, kind: Any = "served") -> Any:
        if experiment == "trial":
            raise self.error
        return super().read(cursor, limit=limit, experiment=experiment, kind=kind)


@pytest.mark.parametrize("error", [ValueError("unreadable"), StoreUnavailable("down")])
def test_an_experiment_that_cannot_be_looked_at_does_not_keep_others_from_it(error: Exception) -> None:
    def other(event: Event) -> Event:
        return replace(event, decision=replace(event.decision, experiment="other"))

    made = steward([])
    made.history = Remembered([start(), start(make_spec(name="other", layer="elsewhere"))])
    made.journal = Damaged([other(event) for event in requests(100)], error=error)
    made.tick_safely()
    assert list(made.newest) == ["other"]


@dataclass
class Watched(Journal):
    """A journal that notes from where it is read."""

    cursors: list[int] = field(default_factory=list)

    def read(self, cursor: int, /, *, limit: int, experiment: str | None = None, kind: Any = "served") -> Any:
        self.cursors.append(cursor)
        return super().read(cursor, limit=limit, experiment=experiment, kind=kind)


def test_who_follows_an_experiment_reports_on_all_of_it_and_reads_nothing_twice() -> None:
    made = steward([])
    made.journal = journal = Watched(requests(400))
    made.tick()
    journal.events += [taking_part(400, "old")]
    journal.cursors.clear()
    acting = replace(conduct(start()), journal=journal, watched=made.report)
    assert sum(acting.analyse("trial").analysis.requests) == 401
    assert min(journal.cursors) >= 400


def test_who_does_not_follow_an_experiment_reads_it_to_report() -> None:
    made = steward(requests(400), leads=False)
    made.tick()
    acting = replace(conduct(start()), journal=made.journal, watched=made.report)
    assert sum(acting.analyse("trial").analysis.requests) == 400


def test_what_an_administrator_saw_is_still_acted_on() -> None:
    made = steward([], make_spec(**GUARDED))
    made.tick()
    made.journal.events += requests(400, failing_every=3)
    assert made.report(standings(made.history.all())["trial"]) is not None
    made.tick()
    assert kinds(made) == ["started", "rolled_back"]


def conduct(*events: ExperimentEvent) -> Conduct:
    return Conduct(
        history=Remembered(list(events)),
        journal=Journal(),
        policies=("a", "b"),
        categories=lambda: ("math", "law"),
        keys=lambda: ("acme",),
        now=lambda: START,
    )


def test_an_experiment_is_started_ramped_and_stopped() -> None:
    acting = conduct()
    acting.start(make_spec(ramp=[0.1, 1.0]), by="ann")
    acting.ramp("trial", None, by="bob", reason="all is well")
    standing = acting.stop("trial", by="eve", reason="enough")
    assert [(e.kind, e.share, e.by) for e in standing.events] == [
        ("started", 0.1, "ann"),
        ("ramped", 1.0, "bob"),
        ("stopped", 0.0, "eve"),
    ]


def test_what_is_over_cannot_be_changed() -> None:
    acting = conduct(start())
    acting.stop("trial", by="ann")
    with pytest.raises(ExperimentConflict, match="is over"):
        acting.ramp("trial", 1.0, by="ann")


def test_a_ramp_ends() -> None:
    with pytest.raises(ExperimentConflict, match="at its end"):
        conduct(start()).ramp("trial", None, by="ann")


def test_a_layer_is_free_again_when_its_experiment_is_over() -> None:
    acting = conduct(start())
    with pytest.raises(ConfigError, match="overlap"):
        acting.start(make_spec(name="next"), by="ann")
    acting.stop("trial", by="ann")
    assert acting.start(make_spec(name="next"), by="ann").open


@dataclass
class Interrupted(Remembered):
    """A history in which somebody else's events come in between the first look and what follows from it."""

    between: tuple[ExperimentEvent, ...] = ()

    def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
        self.events += self.between
        self.between = ()
        super().append(event, after=after)


def test_a_layer_taken_while_looking_at_it_is_refused() -> None:
    acting = replace(conduct(), history=Interrupted(between=(start(),)))
    with pytest.raises(ConfigError, match="overlap"):
        acting.start(make_spec(name="next"), by="ann")
    assert list(acting.all()) == ["trial"]


def test_a_name_taken_while_looking_at_it_is_refused() -> None:
    acting = replace(conduct(), history=Interrupted(between=(start(),)))
    with pytest.raises(ExperimentConflict, match="another name"):
        acting.start(make_spec(), by="ann")


def test_an_event_that_does_not_matter_does_not_hinder_a_start() -> None:
    other = start(make_spec(name="other", layer="elsewhere"))
    acting = replace(conduct(), history=Interrupted(between=(other,)))
    assert acting.start(make_spec(), by="ann").open


def test_an_unknown_experiment_is_refused_by_its_nearest_name() -> None:
    with pytest.raises(UnknownExperiment, match="did you mean 'trial'"):
        conduct(start()).stop("trail", by="ann")


def test_an_unknown_category_is_refused_by_its_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no category is named 'maths'; did you mean 'math'"):
        conduct().start(make_spec(eligible={"categories": ["law", "maths"]}), by="ann")


def test_an_unknown_key_is_refused_by_its_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no API key is named 'acmee'; did you mean 'acme'"):
        conduct().start(make_spec(eligible={"keys": ["acmee"]}), by="ann")


def test_known_categories_and_keys_are_taken() -> None:
    assert conduct().start(make_spec(eligible={"categories": ["law"], "keys": ["acme"]}), by="ann").open


def test_an_empty_experiment_can_be_analysed() -> None:
    report = conduct(start()).analyse("trial")
    assert (report.verdict.word, report.analysis.units) == ("keep running", (0, 0))


def test_an_experiment_is_scheduled_running_ended_by_its_dates() -> None:
    spec = make_spec(start=START + timedelta(days=1), end=START + timedelta(days=2))
    standing = standings([start(spec)])["trial"]
    states = [standing.state(START + timedelta(days=days)) for days in (0, 1, 2)]
    assert states == ["scheduled", "running", "ended"]
