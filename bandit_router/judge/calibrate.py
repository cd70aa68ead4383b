"""Learns what a panel's verdicts are worth from what clients and reviewers say; it asks no judge."""

from __future__ import annotations

import json
import math
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bandit_router.errors import CorruptArtifact
from bandit_router.judge.combine import PASS
from bandit_router.judge.fit import Case, Fit, fit
from bandit_router.judge.rules import HARD
from bandit_router.judge.scale import Verdicts
from bandit_router.types import Event, Judgement

NAME: Final = "panel"
FORMAT: Final = "panel/1"
LABELS: Final = 2000
SEEN: Final = 1000
"""The newest answers with known truth, and the newest judged answers, of which the panel is fitted."""
FACE: Final = 10.0
"""For how many labels the verdicts' face value counts."""
LABELS_STEP: Final = 0.1
SEEN_STEP: Final = (20, 0.5)
"""It is fitted anew when labels have grown by this share, or verdicts by this number and share, since the last fit."""


class Calibrator:
    """Verdicts to P(good), by category and model: their face value before the first label, then as fitted.

    It is deterministic in the order of events however they are batched, and `dump` is all its state.
    """

    def __init__(
        self,
        *,
        rules: frozenset[str] = frozenset(),
        hints: frozenset[str] = frozenset(),
        artifact: bytes | None = None,
    ) -> None:
        """Start cold, or go on from an artifact; raise `CorruptArtifact` when that cannot be read.

        `rules` names the judges that check form: they find faults and grade nothing. `hints` names those whose scores
        go up with quality and are no estimate of it: where there are others, they do not say how good answers are.
        """
        self._rules, self._hints = rules, hints
        self._labels: dict[str, Case] = {}
        self._seen: deque[Verdicts] = deque(maxlen=SEEN)
        self._new_labels, self._new_seen = 0, 0
        self._fit: Fit | None = None
        self._fitted = 0
        if artifact is not None:
            self._restore(artifact)

    @property
    def labels(self) -> int:
        """How many answers with known truth it stands on."""
        return len(self._labels)

    @property
    def weights(self) -> Mapping[str, float]:
        """By judge: logits by which an answer it places one deviation higher is better; empty before the first fit."""
        return self._fit.slopes if self._fit else {}

    def quality(self, judgement: Judgement, *, model: str, category: str) -> float | None:
        """Return P(good) in [0, 1] of a model's answer; None where the panel came to no quality.

        An answer that no client can use stays at 0.
        """
        face, verdicts = judgement.quality, self._graded(judgement)
        if face is None or self._fit is None or (face == HARD and not verdicts):
            return face
        known = self._fit.scale.judges
        if verdicts and not any(judge in known for judge in verdicts):
            return face
        learned = self._fit.probability(verdicts, fault=self._fault(judgement), model=model, category=category)
        share = self._fitted / (self._fitted + FACE)
        return _expit(share * _logit(learned) + (1 - share) * _logit(face))

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn from events in order: verdicts of those that finished, and truth about the answer served."""
        for event in events:
            if event.kind == "finished":
                self._watch(event)
            if event.truth is not None:
                self._label(event, event.truth)
            self._fit_when_due()

    def dump(self) -> bytes:
        """Return the whole state."""
        state = {
            "format": FORMAT,
            "labels": [[key, *_case_state(case)] for key, case in self._labels.items()],
            "seen": [dict(verdicts) for verdicts in self._seen],
            "new": [self._new_labels, self._new_seen],
            "fitted": self._fitted,
            "fit": self._fit.state() if self._fit else None,
        }
        return zlib.compress(json.dumps(state).encode())

    def _watch(self, event: Event) -> None:
        for judged in event.outcome.history:
            if judged.judgement and (verdicts := self._graded(judged.judgement)):
                self._seen.append(verdicts)
                self._new_seen += 1

    def _label(self, event: Event, truth: float) -> None:
        """Keep what is now known of the answer served, in place of what was known before."""
        served = event.outcome.served
        judged = None if served is None else event.outcome.history[served]
        if judged is None or judged.judgement is None or not math.isfinite(truth):
            return
        verdicts, fault = self._graded(judged.judgement), self._fault(judged.judgement)
        if not verdicts and judged.judgement.quality in (None, HARD):
            return
        self._labels[event.decision.id] = Case(
            verdicts=verdicts,
            fault=fault,
            model=judged.attempt.model,
            category=event.decision.context.category,
            truth=min(max(truth, 0.0), 1.0),
        )
        self._new_labels += 1
        if len(self._labels) > LABELS:
            del self._labels[next(iter(self._labels))]

    def _fit_when_due(self) -> None:
        least, share = SEEN_STEP
        labels_due = self._new_labels >= max(1.0, LABELS_STEP * self._fitted)
        seen_due = bool(self._labels) and self._new_seen >= max(least, share * len(self._seen))
        if labels_due or seen_due:
            cases = list(self._labels.values())
            seen = [*self._seen, *(case.verdicts for case in cases)]
            self._fit = fit(cases, seen, base=_mean_face(seen, self._hints))
            self._fitted, self._new_labels, self._new_seen = len(cases), 0, 0

    def _graded(self, judgement: Judgement) -> dict[str, float]:
        return {v.judge: v.score for v in judgement.verdicts if v.score is not None and v.judge not in self._rules}

    def _fault(self, judgement: Judgement) -> bool:
        return any(v.judge in self._rules and v.score is not None and v.score < PASS for v in judgement.verdicts)

    def _restore(self, artifact: bytes) -> None:
        try:
            state = json.loads(zlib.decompress(artifact))
            if state["format"] != FORMAT:
                raise CorruptArtifact(f"the panel's state is not {FORMAT}; it starts cold")
            self._labels = {str(key): _case(*rest) for key, *rest in state["labels"]}
            self._seen.extend({str(judge): float(v) for judge, v in verdicts.items()} for verdicts in state["seen"])
            self._new_labels, self._new_seen = map(int, state["new"])
            self._fitted = int(state["fitted"])
            self._fit = Fit.restore(state["fit"]) if state["fit"] else None
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptArtifact(f"the panel's state cannot be read ({error})") from error


def _case_state(case: Case) -> list[Any]:
    return [dict(case.verdicts), case.fault, case.model, case.category, case.truth]


def _case(verdicts: Mapping[str, float], fault: bool, model: str, category: str, truth: float) -> Case:
    numbers = {str(judge): float(value) for judge, value in verdicts.items()}
    return Case(verdicts=numbers, fault=bool(fault), model=str(model), category=str(category), truth=float(truth))


def _mean_face(seen: Sequence[Verdicts], hints: frozenset[str]) -> float:
    """Return the mean of all estimates as they stand; without any, of hints, else that of an answer without a fault."""
    estimates = [value for verdicts in seen for judge, value in verdicts.items() if judge not in hints]
    values = estimates or [value for verdicts in seen for value in verdicts.values()]
    return math.fsum(values) / len(values) if values else PASS


def _logit(p: float) -> float:
    held = min(max(p, 0.001), 0.999)
    return math.log(held / (1 - held))


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
