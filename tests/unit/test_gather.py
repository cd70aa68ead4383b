"""An experiment's log as columns: what each request cost, what was judged, and what those judged stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit_router.experiment.assign import Subject, unit_hash, user_hash
from bandit_router.experiment.history import Standing, standings
from bandit_router.experiment.spec import Labels
from bandit_router.experiment.trial import Trial
from bandit_router.gather import Gatherer, baseline
from bandit_router.gather_rows import to_row, to_trial
from bandit_router.reward.feedback import combine
from bandit_router.reward.utility import reward
from bandit_router.types import AUDIT, Event, Feedback, Pmf, only_signs
from tests.factories import START, make_context, make_event, make_feedback
from tests.unit.experiment.history import Journal, at, failing, make_spec, start, taking_part

NAMES = [arm.name for arm in make_spec().served]


def standing(**changes: Any) -> Standing:
    return standings([start(make_spec(**changes))])["trial"]


def columns(events: list[Event]) -> Trial:
    return to_trial(NAMES, [to_row(event) for event in events], start=START)[0]


def asked_with(event: Event, probability: float) -> Event:
    """Return the event as one whose first answer was judged with a probability."""
    step = event.outcome.steps[0]
    pmf = Pmf(probs=step.pmf.probs, judge=tuple(probability for _ in step.actions))
    steps = (replace(step, pmf=pmf), *event.outcome.steps[1:])
    return replace(event, outcome=replace(event.outcome, steps=steps))


def test_quality_and_offset_add_up_to_the_reward() -> None:
    event = taking_part(1, "new", quality=0.7)
    trial = columns([event])
    assert trial.quality[0] + trial.offset[0] == pytest.approx(reward(event))


def test_a_request_that_failed_has_quality_nought_and_its_cost() -> None:
    event = failing(taking_part(1, "new"))
    trial = columns([event])
    assert (trial.failed[0], trial.quality[0]) == (1.0, 0.0)
    assert trial.quality[0] + trial.offset[0] == pytest.approx(reward(event))


def test_feedback_is_a_label_and_leaves_what_the_judges_said() -> None:
    trial = columns([taking_part(1, "new", quality=0.7, feedback=0.0)])
    assert (trial.quality[0], trial.label[0]) == (0.7, 0.0)


def heard(*said: Feedback) -> Event:
    """Return the event of an answer of which that was said."""
    event = taking_part(1, "new", quality=0.7)
    told = combine(said, 0.7)
    return replace(event, feedback=told, heard=said, signs_only=only_signs(said))


def labelled(event: Event, labels: Labels) -> float:
    return to_row(event, labels).label


def reviewed(score: float, queued_for: str) -> Feedback:
    return make_feedback(2, decision=1, score=score, kind="review", queued_for=queued_for)


def test_signs_are_no_labels_as_the_judges_have_their_part_in_them() -> None:
    event = heard(make_feedback(1, decision=1, score=0.9, kind="copied"))
    assert event.feedback is not None
    assert np.isnan(labelled(event, "random"))


def test_an_answer_that_was_reviewed_because_of_a_doubt_has_no_label() -> None:
    assert np.isnan(labelled(heard(reviewed(1.0, "margin")), "random"))


def test_what_was_reviewed_because_of_a_doubt_keeps_the_label_it_has_without_that() -> None:
    assert labelled(heard(make_feedback(1, decision=1, score=0.25), reviewed(1.0, "disagreement")), "random") == 0.25


@pytest.mark.parametrize("labels", ["random", "audits"])
def test_an_audit_is_a_label(labels: Labels) -> None:
    assert labelled(heard(make_feedback(1, decision=1), reviewed(0.5, AUDIT)), labels) == 0.5


def test_where_audits_alone_are_labels_what_clients_send_is_none() -> None:
    assert np.isnan(labelled(heard(make_feedback(1, decision=1)), "audits"))


def test_a_request_that_failed_has_no_answer_to_label() -> None:
    assert np.isnan(labelled(failing(heard(make_feedback(1, decision=1))), "random"))


def test_the_gatherer_takes_the_labels_that_its_experiment_asks_for() -> None:
    gatherer = Gatherer(standing=standing(labels="audits"), journal=Journal([taking_part(1, "new", feedback=1.0)]))
    gatherer.read()
    assert np.isnan(gatherer.trial()[0].label[0])


def test_an_answer_judged_one_time_in_four_stands_for_three() -> None:
    trial = columns([asked_with(taking_part(1, "new", quality=0.7), 0.25)])
    assert trial.stand_in_weight[0] == pytest.approx(3.0)
    assert trial.stand_in_sum[0] == pytest.approx(2.1)


def test_rows_are_in_the_order_in_which_requests_came() -> None:
    trial = columns([at(taking_part(1, "new"), 50), at(taking_part(2, "old"), 10)])
    assert trial.arm.tolist() == [0, 1]


def test_what_was_logged_before_becomes_covariates() -> None:
    before = [at(make_event(n, quality=0.2 + 0.6 * (n % 2)), -1 - n) for n in range(300)]
    journal = Journal([*before, *(taking_part(1000 + n, "new") for n in range(5))])
    gatherer = Gatherer(standing=standing(), journal=journal)
    gatherer.read()
    assert gatherer.trial()[0].covariates.shape == (5, 3)


def test_an_experiment_that_has_a_past_and_no_request_yet_can_be_read() -> None:
    before = [at(make_event(n, quality=0.2 + 0.6 * (n % 2)), -1 - n) for n in range(300)]
    assert len(Gatherer(standing=standing(), journal=Journal(before)).trial()[0]) == 0


def test_requests_whose_context_has_changed_since_can_be_read() -> None:
    before = [at(make_event(n, quality=0.2 + 0.6 * (n % 2)), -1 - n) for n in range(300)]
    event = taking_part(1000, "new")
    context = make_context(1, dim=4, surface={"other": 1.0})
    changed = replace(event, decision=replace(event.decision, context=context))
    gatherer = Gatherer(standing=standing(), journal=Journal([*before, changed]))
    gatherer.read()
    assert np.isfinite(gatherer.trial()[0].covariates[0, :2]).all()


def test_of_a_long_past_the_newest_requests_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandit_router.gather.PAST_MOST", 250)
    before = [at(make_event(n, quality=0.9 * (n >= 300)), n - 1000) for n in range(600)]
    gatherer = Gatherer(standing=standing(), journal=Journal([*before, taking_part(1000, "new")]))
    gatherer.read()
    assert gatherer.trial()[0].covariates[0, 0] == pytest.approx(0.9, abs=0.01)


def test_without_a_past_there_are_no_covariates() -> None:
    gatherer = Gatherer(standing=standing(), journal=Journal([taking_part(1, "new")]))
    gatherer.read()
    assert gatherer.trial()[0].covariates.shape == (1, 0)


def before(n: int = 300, **decision: Any) -> list[Event]:
    """Return requests that were logged before the experiment."""
    found = [at(make_event(i, quality=0.2 + 0.6 * (i % 2)), -1 - i) for i in range(n)]
    return [replace(event, decision=replace(event.decision, **decision)) for event in found]


def units_before(events: list[Event], **spec: Any) -> int:
    log, _ = baseline(make_spec(**spec), Journal(events), until=START, days=1)
    return len(set(log.unit.tolist()))


def test_a_user_who_was_there_before_is_a_unit_of_the_log_with_a_past() -> None:
    made = standing(unit="user")
    someone = user_hash("acme", "ann")
    unit = unit_hash(made.spec, Subject(request="", user=someone, key="acme").unit("user") or "")
    events = before(tenant="acme", user_hash=someone)
    gatherer = Gatherer(standing=made, journal=Journal([*events, taking_part(500, "new", unit=unit)]))
    gatherer.read()
    assert not np.isnan(gatherer.trial()[0].covariates[0, 2])
    assert units_before(events, unit="user") == 1


def test_who_names_no_user_is_no_unit_where_users_are() -> None:
    assert units_before(before(), unit="user") == 0


@pytest.mark.parametrize(
    ("decision", "could"),
    [
        ({"tenant": "acme"}, True),
        ({"tenant": "other"}, False),
        ({"tenant": "acme", "context": make_context(1, category="law")}, False),
        ({"tenant": "acme", "policy": "pinned"}, False),
    ],
)
def test_what_a_log_has_for_an_experiment_is_what_could_have_taken_part(decision: dict[str, Any], could: bool) -> None:
    eligible = {"keys": ["acme"], "categories": ["maths"], "regions": ["eu"]}
    assert units_before(before(**decision), eligible=eligible) == (300 if could else 0)


def test_the_same_session_is_the_same_unit_before_and_in_the_experiment() -> None:
    spec = {"unit": "session"}
    event = at(make_event(0), -5)
    event = replace(event, decision=replace(event.decision, session="s", tenant="acme"))
    more = [at(make_event(n), -10 - n) for n in range(1, 300)]
    made = standing(**spec)
    unit = unit_hash(made.spec, Subject(request="", session="s", key="acme").unit("session") or "")
    journal = Journal([event, *more, taking_part(500, "new", unit=unit)])
    gatherer = Gatherer(standing=made, journal=journal)
    gatherer.read()
    assert not np.isnan(gatherer.trial()[0].covariates[0, 2])


def test_shadows_are_read_beside_their_requests() -> None:
    ghost = {"name": "ghost", "policy": "b", "shadow": True, "call": True, "budget_usd_per_day": 1.0}
    requests = [taking_part(n, "new" if n % 2 else "old") for n in range(60)]
    runs = [shadow_of(requests[n], number=100 + n, quality=0.25) for n in range(59)]
    lost = shadow_of(taking_part(999, "new"), number=300)
    gatherer = Gatherer(
        standing=standing(arms=[*make_spec().model_dump()["arms"], ghost]), journal=Journal([*requests, *runs, lost])
    )
    gatherer.read()
    trial, found = gatherer.trial()
    assert found is not None
    assert (len(trial), len(found.rows)) == (60, 59)
    assert trial.unit[found.parent].tolist() == found.rows.unit.tolist()
    assert trial.covariates.shape == (60, 1)


def shadow_of(event: Event, *, number: int, **changes: Any) -> Event:
    """Return the run of a shadow beside a request."""
    run = taking_part(number, "ghost", unit=event.decision.unit, **changes)
    return replace(run, decision=replace(run.decision, kind="shadow", parent=event.decision.id))
