"""Learns from the journal what each model's answers are like, and notices when that changes; it tells nobody."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from bandit_router.errors import CorruptArtifact
from bandit_router.registry.identity import Identity, Replaced, version_of
from bandit_router.registry.sequential import ALARM
from bandit_router.registry.watched import Side, Total, Watched, read, risen, row, total, written
from bandit_router.types import Attempt, Event

NAME: Final = "drift"
FORMAT: Final = "drift-1"
EVERY_MODEL: Final = "*"
"""Stands for the model where all changed alike: then it was the judges, or what is asked."""
LATER: Final = ", later"
TOLD: Final = ", by feedback"
KEPT: Final = 50
"""Changes kept in the state; who acts on them reads them from there."""

ALIKE: Final = 1 / 3
"""Of a model's way that the others went too where all changed: the first to be alarmed had some bad luck before."""
ERRORS: Final = 2.5
"""Standard errors of the others' way beyond which it is no chance: told as of all, one model's fall would be missed."""

Kind = Literal["worse", "better"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A model's answers are no longer what they were: from the mean quality `expected` to `seen`, both in [0, 1]."""

    seq: int
    """Where in the journal it was noticed."""
    model: str
    kind: Kind
    expected: float
    seen: float
    uses: int
    """Judged answers since it seems to have begun."""
    category: str
    """Where it shows most."""


class Drift:
    """Watches every model; deterministic in the order of events, and `dump` is all its state."""

    def __init__(self, artifact: bytes | None = None) -> None:
        """Start knowing nothing, or go on from an artifact; raise `CorruptArtifact` when that cannot be read."""
        self._models: dict[str, Watched] = {}
        self._everything = Total()
        self._identities: dict[str, Identity] = {}
        self.changes: list[Change] = []
        self.replaced: list[Replaced] = []
        if artifact:
            self._restore(artifact)

    def learn(self, events: Sequence[Event], /) -> None:
        """Look at each judged answer of finished requests, and at feedback on answers that were not judged."""
        for event in events:
            if event.kind == "finished":
                self._finished(event)
            # An answer is one use however much is said of it: what was said first counts, as soon as it stands there.
            if event.feedback is not None and (event.kind == "finished" or len(event.heard) <= 1):
                self._told(event, event.feedback)

    def dump(self) -> bytes:
        """Return the whole state."""
        state = {
            "format": FORMAT,
            "models": {name: written(watched) for name, watched in self._models.items()},
            "everything": row(self._everything),
            "changes": [asdict(change) for change in self.changes],
            "identities": {name: asdict(identity) for name, identity in self._identities.items()},
            "replaced": [asdict(found) for found in self.replaced],
        }
        return json.dumps(state).encode()

    def expected(self, model: str) -> float | None:
        """Return the mean quality expected of a model's answers, None before it is watched."""
        watched = self._models.get(model)
        return watched.overall.mean if watched and watched.warm else None

    def evidence(self, model: str) -> float:
        """Return the evidence that a model got worse; `ALARM` raises the alarm."""
        watched = self._models.get(model)
        return watched.sides[0].detector.evidence if watched else 0.0

    def _finished(self, event: Event) -> None:
        category = event.decision.context.category
        for judged in event.outcome.history:
            if judged.ok:
                self._answered(event.seq, judged.attempt)
                if judged.quality is not None:
                    self._use(event.seq, judged.attempt.model, judged.quality, category=category)
                # The questions that an answer did not settle are harder than the others of their category.
                category = event.decision.context.category + LATER

    def _answered(self, seq: int, attempt: Attempt) -> None:
        """Look at what version of a model answered, where the provider says so."""
        version = version_of(attempt.provider_model, attempt.system_fingerprint)
        was = self._identities.setdefault(attempt.model, Identity()).saw(version) if version else None
        if was is not None:
            found = Replaced(seq=seq, model=attempt.model, was=was, now=version)
            self.replaced = [*self.replaced, found][-KEPT:]

    def _told(self, event: Event, feedback: float) -> None:
        """Look at the answer served as people saw it: that is another scale, so it is compared with its own kind."""
        index = event.outcome.served
        answer = None if index is None else event.outcome.history[index]
        if answer is not None and answer.quality is None:
            category = event.decision.context.category + (LATER if index else "") + TOLD
            self._use(event.seq, answer.attempt.model, feedback, category=category)

    def _use(self, seq: int, model: str, quality: float, *, category: str) -> None:
        if model not in self._models:
            self._models[model] = Watched()
        watched = self._models[model]
        watched.place(category)
        expected = watched.expected(category)
        knows = watched.knows(category)
        if knows:
            self._everything.add(quality, quality - expected)
            watched.bet(category, quality=quality, expected=expected, everything=self._everything)
        watched.learn(category, quality=quality, expected=expected)
        for side in watched.sides if knows else ():
            if side.detector.evidence >= ALARM:
                self._changed(seq, model, watched, side)
                return

    def _changed(self, seq: int, model: str, watched: Watched, side: Side) -> None:
        """Note a change, and learn anew what to expect of the model, or of all; of one that rose from there on."""
        of_all = self._of_all(watched, side)
        change = Change(
            seq=seq,
            model=EVERY_MODEL if of_all else model,
            kind="worse" if side.detector.direction < 0 else "better",
            expected=watched.overall.mean,
            seen=side.since.quality / max(side.since.n, 1.0),
            uses=int(side.since.n),
            category=list(watched.cells)[side.detector.worst].removesuffix(TOLD).removesuffix(LATER),
        )
        self.changes = [*self.changes, change][-KEPT:]
        rise = not of_all and change.kind == "better"
        for name in list(self._models) if of_all else [model]:
            self._models[name] = risen(watched, side.since) if rise else Watched()

    def _of_all(self, watched: Watched, side: Side) -> bool:
        """Tell whether the other models went at least `ALIKE` as far the same way meanwhile, beyond `ERRORS`."""
        own, then, now = side.since, side.others, self._everything
        n = now.n - then.n - own.n
        if n <= 0 or own.n <= 0:
            return False
        others = side.detector.direction * (now.surprise - then.surprise - own.surprise) / n
        far = side.detector.direction * own.surprise / own.n
        return others > max(ALIKE * far, ERRORS * math.sqrt(watched.variance / n))

    def _restore(self, artifact: bytes) -> None:
        try:
            state = json.loads(artifact)
            if state["format"] != FORMAT:
                raise CorruptArtifact(f"the state of drift is of format {state['format']!r}, not {FORMAT!r}")
            self._models = {name: read(each) for name, each in state["models"].items()}
            self._everything = total(state["everything"])
            self.changes = [Change(**change) for change in state["changes"]]
            # States from before versions were looked at have neither.
            self._identities = {name: Identity(**each) for name, each in state.get("identities", {}).items()}
            self.replaced = [Replaced(**found) for found in state.get("replaced", ())]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptArtifact(f"the state of drift cannot be read ({error})") from error
