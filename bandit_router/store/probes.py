"""Reads what probes came to, beside what the users got whose requests they answered; it concludes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Select, and_, func, select

from bandit_router.store import tables
from bandit_router.store.rows import Row
from bandit_router.store.session import reading
from bandit_router.types import Comparison, Quiet

_PROBE = tables.decisions
_CALL = tables.attempts
_OF_PROBE = and_(_CALL.c.decision_id == _PROBE.c.id, _CALL.c.idx == 0)
# Said twice: the index of what is not served is used only where that is said outright.
_PROBES = (_PROBE.c.kind != "served", _PROBE.c.kind == "probe")
NEWEST: Final = 2000
"""Among so many of the newest decisions, of all kinds, requests since a probe are counted."""


class Probes:
    """The probes in the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, since: Mapping[str, datetime]) -> Mapping[str, int]:
        """Return how often each model was probed since its moment; raise `StoreUnavailable`."""
        found = dict.fromkeys(since, 0)
        with reading(self._engine) as connection:
            for model, moment in since.items():
                query = select(func.count()).select_from(_PROBE).join(_CALL, _OF_PROBE)
                query = query.where(*_PROBES, _PROBE.c.created_at >= moment, _CALL.c.model == model)
                found[model] = int(connection.scalar(query) or 0)
        return found

    def quiet(self, since: Mapping[str, datetime], /, *, but: str) -> Mapping[str, Quiet]:
        """Return since when each model was not probed, from its moment on, and what was asked for meanwhile.

        Requests that the policy `but` decided do not count. Raise `StoreUnavailable`.
        """
        with reading(self._engine) as connection:
            asked = [moment for (moment,) in connection.execute(_newest(but))]
            last = {model: connection.scalar(_last(model, moment)) or moment for model, moment in since.items()}
        return {
            model: Quiet(since=moment, requests=sum(each > moment for each in asked)) for model, moment in last.items()
        }

    def comparisons(self, model: str, since: datetime) -> Sequence[Comparison]:
        """Return a model's probes since a moment beside what was served, in the order made."""
        outcomes, probed = tables.outcomes, tables.outcomes.alias("probed")
        steps, opened = tables.steps, tables.steps.alias("opened")
        query = (
            select(
                _PROBE.c.category,
                _PROBE.c.value_usd,
                _CALL.c.model,
                _CALL.c.quality,
                _CALL.c.cost_usd.label("call_usd"),
                probed.c.cost_usd.label("probe_usd"),
                outcomes.c.quality.label("served_quality"),
                outcomes.c.cost_usd.label("served_usd"),
                steps.c.predicted,
                steps.c.chosen,
                opened.c.actions.label("offered"),
                opened.c.predicted.label("expected"),
            )
            .select_from(_PROBE)
            .join(_CALL, _OF_PROBE)
            .join(probed, probed.c.decision_id == _PROBE.c.id)
            .outerjoin(outcomes, outcomes.c.decision_id == _PROBE.c.parent)
            .outerjoin(steps, and_(steps.c.decision_id == _PROBE.c.parent, steps.c.idx == 0))
            .outerjoin(opened, and_(opened.c.decision_id == _PROBE.c.id, opened.c.idx == 0))
            .where(*_PROBES, _PROBE.c.created_at >= since, _CALL.c.model == model)
            .order_by(_PROBE.c.created_at, _PROBE.c.id)
        )
        with reading(self._engine) as connection:
            return [_comparison(dict(row)) for row in connection.execute(query).mappings()]


def _last(model: str, moment: datetime) -> Select[Any]:
    """Return the query for when a model was probed last, from a moment on."""
    last = select(func.max(_PROBE.c.created_at)).select_from(_PROBE).join(_CALL, _OF_PROBE)
    return last.where(*_PROBES, _PROBE.c.created_at >= moment, _CALL.c.model == model)


def _newest(but: str) -> Select[Any]:
    """Return the query for when the newest requests of users were made, other than those that a policy decided."""
    journal = tables.journal
    newest = select(journal.c.decision_id).where(journal.c.kind == "finished")
    newest = newest.order_by(journal.c.seq.desc()).limit(NEWEST)
    made = select(_PROBE.c.created_at).join(of := newest.subquery(), of.c.decision_id == _PROBE.c.id)
    return made.where(_PROBE.c.kind == "served", _PROBE.c.policy != but)


def _comparison(row: Row) -> Comparison:
    value_usd = row["value_usd"]
    return Comparison(
        category=row["category"],
        quality=row["quality"],
        cost=row["call_usd"] / value_usd,
        judging=(row["probe_usd"] - row["call_usd"]) / value_usd,
        baseline=_baseline(row),
        gain=_gain(row),
    )


def _gain(row: Row) -> float | None:
    """Return by how much more the request was expected to come to with the model; None where that was not predicted."""
    offered = [action["model"] for action in row["offered"] or ()]
    expected = {model: v for model, v in zip(offered, row["expected"] or (), strict=False) if v is not None}
    ours = expected.pop(row["model"], None)
    return None if ours is None or not expected else float(ours - max(expected.values()))


def _baseline(row: Row) -> float | None:
    """Return what the user got: as judged, else as the policy that chose had predicted; None when neither is known."""
    if row["served_quality"] is not None:
        return float(row["served_quality"] - row["served_usd"] / row["value_usd"])
    predicted, chosen = row["predicted"] or (), row["chosen"]
    return predicted[chosen] if chosen is not None and chosen < len(predicted) else None
