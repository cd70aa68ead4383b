"""Counts what happens, for Prometheus; it keeps a registry of its own and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bandit_router.errors import StoreUnavailable
from bandit_router.judge.report import Report
from bandit_router.steward import Report as Looked
from bandit_router.types import AsideKind, Decision, Outcome

PREFIX: Final = "bandit_router"
_FAST: Final = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)
_SLOW: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Where one learning policy stands: the version served, and how far the newest one is behind the journal.

    `refused` is whether the last decision on its versions held one back, `difference` what was found then: `value`,
    `low` and `high`, empty where nothing was compared.
    """

    policy: str
    version: int
    newest: int
    pinned: bool
    refused: bool
    difference: Mapping[str, float]
    lag_events: int
    lag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHealth:
    """How one model fares: its state, its circuit, and what is known of the quality of its answers."""

    model: str
    state: str
    circuit: str
    trips: int
    expected: float | None
    evidence: float
    alarms: int
    versions: int


class Metrics:
    """The metrics of one service; it fulfils the router's `Observer`."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry(auto_describe=True)

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"{PREFIX}_{name}", told, labels, registry=registry)

        def histogram(name: str, told: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"{PREFIX}_{name}", told, registry=registry, buckets=buckets)

        self._requests = counter("requests", "Requests that ended, answered (ok) or not (failed).", "policy", "status")
        self._attempts = counter("attempts", "Model calls by how they ended.", "model", "status")
        self._errors = counter("model_errors", "Model calls that failed, by kind of failure.", "model", "kind")
        self._escalations = counter("escalations", "Models called though an answer was at hand.", "policy")
        self._model_cost = counter("model_cost_usd", "Dollars spent on models.", "model")
        self._judge_cost = counter("judge_cost_usd", "Dollars spent on judges.", "judge")
        self._judge_errors = counter("judge_errors", "Verdicts that could not be had.", "judge")
        self._aside = counter("aside_runs", "Runs beside users' requests that ended.", "kind", "status")
        self._aside_dropped = counter("aside_dropped", "Runs beside users' requests left out.", "kind", "reason")
        self._aside_cost = counter("aside_cost_usd", "Dollars spent beside users' requests.", "kind")
        self._feedback = counter("feedback", "Feedback taken in, by kind.", "kind")
        self._refusals = counter("http_errors", "Responses that were errors.", "status", "code")
        self._decision_s = histogram("decision_seconds", "Seconds from a request's arrival to its first draw.", _FAST)
        self._request_s = histogram("request_seconds", "Seconds from a request's arrival to its outcome.", _SLOW)
        self._overhead_s = histogram("overhead_seconds", "Seconds a request spent in the router itself.", _FAST)

    def decided(self, _decision: Decision, seconds: float, /) -> None:
        """Note a decision and the seconds it took."""
        self._decision_s.observe(seconds)

    def finished(self, decision: Decision, outcome: Outcome, /) -> None:
        """Note an outcome with its attempts, verdicts and costs."""
        self._requests.labels(decision.policy, outcome.status).inc()
        self._request_s.observe(outcome.latency_s)
        for judged in outcome.history:
            attempt = judged.attempt
            self._attempts.labels(attempt.model, attempt.status).inc()
            self._model_cost.labels(attempt.model).inc(max(0.0, attempt.cost_usd))
            if not judged.ok:
                self._errors.labels(attempt.model, attempt.status).inc()
            for verdict in judged.judgement.verdicts if judged.judgement else ():
                self._judge_cost.labels(verdict.judge).inc(max(0.0, verdict.cost_usd))
                if verdict.error is not None:
                    self._judge_errors.labels(verdict.judge).inc()
        self._escalations.labels(decision.policy).inc(_escalations(outcome))

    def aside(self, decision: Decision, outcome: Outcome, /) -> None:
        """Note a run beside a user's request; none of it counts as a request."""
        self._aside.labels(decision.kind, outcome.status).inc()
        self._aside_cost.labels(decision.kind).inc(max(0.0, outcome.cost_usd))

    def aside_dropped(self, kind: AsideKind, reason: str, /) -> None:
        """Note a run beside a user's request that came to nothing."""
        self._aside_dropped.labels(kind, reason).inc()

    def overhead(self, seconds: float) -> None:
        """Note the seconds a request spent in the router itself."""
        self._overhead_s.observe(seconds)

    def feedback(self, kind: str) -> None:
        """Note feedback."""
        self._feedback.labels(kind).inc()

    def refused(self, status: int, code: str) -> None:
        """Note a response that was an error."""
        self._refusals.labels(str(status), code).inc()

    def watch(self, learning: Callable[[], Iterable[Learning]], reviews: Callable[[], int]) -> None:
        """Show from now on, whenever the metrics are read, where each learning policy and the review queue stand."""
        self._registry.register(_StoreCollector(learning, reviews))

    def watch_judges(self, report: Callable[[], Report | None]) -> None:
        """Show from now on what was last found of the judges; nothing before the first look."""
        self._registry.register(_JudgesCollector(report))

    def watch_experiments(self, reports: Callable[[], Iterable[Looked]]) -> None:
        """Show from now on what was last found of the running experiments."""
        self._registry.register(_ExperimentsCollector(reports))

    def watch_models(self, health: Callable[[], Iterable[ModelHealth]]) -> None:
        """Show from now on, whenever the metrics are read, how each model fares."""
        self._registry.register(_ModelsCollector(health))

    def text(self) -> bytes:
        """Return every metric in Prometheus' text format; this may read from the database."""
        return generate_latest(self._registry)


class _StoreCollector(Collector):
    """Reads the gauges that the database holds when they are asked for."""

    def __init__(self, learning: Callable[[], Iterable[Learning]], reviews: Callable[[], int]) -> None:
        self._learning, self._reviews = learning, reviews

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not read from the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield whether the database answers, and the gauges that it holds when it does."""
        try:
            found, waiting, up = list(self._learning()), [self._reviews()], 1.0
        except StoreUnavailable:
            found, waiting, up = [], [], 0.0
        yield GaugeMetricFamily(f"{PREFIX}_store_up", "1 while the database answers.", value=up)
        for number in waiting:
            yield GaugeMetricFamily(f"{PREFIX}_review_open", "Answers that wait for a reviewer.", value=number)
        versions = {each.policy: each.version for each in found}
        events = {each.policy: each.lag_events for each in found}
        seconds = {each.policy: each.lag_seconds for each in found}
        yield _gauge("policy_version", "The version served of a learning policy.", versions)
        yield from _gating(found)
        yield _gauge("learner_lag_events", "Events in the journal not learned from.", events)
        yield _gauge("learner_lag_seconds", "Age of the oldest of them in seconds.", seconds)


class _JudgesCollector(Collector):
    """Shows the last report on the judges."""

    def __init__(self, report: Callable[[], Report | None]) -> None:
        self._report = report

    def describe(self) -> Iterable[Metric]:
        """Return nothing: there may be no report yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield calibration, weights and biases."""
        found = self._report()
        if found is None:
            return
        for name, told in (("auc", "AUC"), ("ece", "Expected calibration error"), ("brier", "Brier score")):
            values = {each.judge: getattr(each.figures, name) for each in found.standings}
            yield _by_judge(f"judge_{name}", f"{told} where feedback is known.", values)
        weights = {each.judge: each.weight for each in found.standings}
        yield _by_judge("judge_weight", "Logits of one deviation of a verdict.", weights)
        leaning = GaugeMetricFamily(f"{PREFIX}_judge_bias", "Lean in deviations.", labels=["judge", "against"])
        for bias in found.biases:
            leaning.add_metric([bias.judge, bias.against], bias.effect)
        yield leaning
        first = {each.judge: each.share for each in found.positions}
        yield _by_judge("judge_first_shown", "Share of comparisons that prefer the answer shown first.", first)
        yield GaugeMetricFamily(f"{PREFIX}_judge_bias_warnings", "Biases past their limit.", value=len(found.warnings))


class _ExperimentsCollector(Collector):
    """Shows the last look at the running experiments; only the process that looks after them has one."""

    def __init__(self, reports: Callable[[], Iterable[Looked]]) -> None:
        self._reports = reports

    def describe(self) -> Iterable[Metric]:
        """Return nothing: there may be no experiment yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield each arm's units, and each treatment's effect with its interval."""
        units = GaugeMetricFamily(f"{PREFIX}_experiment_units", "Units by arm.", labels=["experiment", "arm"])
        labels = ["experiment", "arm", "bound"]
        effect = GaugeMetricFamily(f"{PREFIX}_experiment_effect", "Treatment less control.", labels=labels)
        for report in self._reports():
            analysis, name = report.analysis, report.standing.spec.name
            for arm, count in zip(analysis.spec.served, analysis.units, strict=True):
                units.add_metric([name, arm.name], count)
            for found in analysis.treatments:
                change = found.primary.difference
                for bound in ("low", "value", "high"):
                    effect.add_metric([name, found.arm.name, bound], getattr(change, bound))
        yield units
        yield effect


class _ModelsCollector(Collector):
    """Shows how models fare when it is asked."""

    def __init__(self, health: Callable[[], Iterable[ModelHealth]]) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        """Return nothing: there may be no models yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield states, circuits and drift."""
        found = list(self._health())
        state = GaugeMetricFamily(f"{PREFIX}_model_state", "1 for its state.", labels=["model", "state"])
        for each in found:
            state.add_metric([each.model, each.state], 1.0)
        yield state
        for name, told, values in (
            ("circuit_open", "1 while its calls are held back.", [float(one.circuit == "open") for one in found]),
            ("circuit_trips", "Times its calls were held back.", [one.trips for one in found]),
            ("quality_expected", "Mean quality expected of its answers.", [one.expected for one in found]),
            ("drift_evidence", "Evidence that its answers got worse.", [one.evidence for one in found]),
            ("drift_alarms", "Alarms raised for its answers.", [one.alarms for one in found]),
            ("version_changes", "Times it came to answer as another version.", [one.versions for one in found]),
        ):
            family = GaugeMetricFamily(f"{PREFIX}_model_{name}", told, labels=["model"])
            for each, value in zip(found, values, strict=True):
                if value is not None:
                    family.add_metric([each.model], value)
            yield family


def _gating(found: Iterable[Learning]) -> Iterator[Metric]:
    """Yield what was decided on the versions of each policy."""
    newest, pinned, refused = (
        {each.policy: float(getattr(each, name)) for each in found} for name in ("newest", "pinned", "refused")
    )
    yield _gauge("policy_newest_version", "The newest version learned.", newest)
    yield _gauge("policy_pinned", "1 after a rollback, until it is released.", pinned)
    yield _gauge("policy_refused", "1 while the newest decision held a version back.", refused)
    apart = GaugeMetricFamily(f"{PREFIX}_gate_difference", "Candidate less served.", labels=["policy", "bound"])
    for each in found:
        for bound in ("low", "value", "high"):
            if bound in each.difference:
                apart.add_metric([each.policy, bound], each.difference[bound])
    yield apart


def _by_judge(name: str, told: str, values: Mapping[str, float | None]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", told, labels=["judge"])
    for judge, value in values.items():
        if value is not None:
            family.add_metric([judge], value)
    return family


def _gauge(name: str, told: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", told, labels=["policy"])
    for policy, value in values.items():
        family.add_metric([policy], value)
    return family


def _escalations(outcome: Outcome) -> int:
    """Count the calls that followed an answer: calls after a failure are no escalations."""
    return sum(before.ok for before, _ in pairwise(outcome.history))
