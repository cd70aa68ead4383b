"""How a service watches its judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine

from bandit_router.bootstrap.learning import make_calibrators
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.judge.watch import Watch
from bandit_router.reward.feedback import combine
from bandit_router.settings import ModelSettings, Settings
from bandit_router.store.events import Events
from bandit_router.store.versions import Versions
from bandit_router.types.naming import maker_of


def judge_watch(settings: Settings, engine: Engine, *, turn: Callable[[], bool] = lambda: True) -> Watch:
    """Return what reports on the judges from the log of a database; `turn` says whether this process is to look."""
    versions, bias = Versions(engine), settings.bias

    def weights() -> Mapping[str, float]:
        version = versions.latest(PANEL)
        return make_calibrators(settings.judges, {PANEL: version} if version else {})[PANEL].weights

    return Watch(
        source=Events(engine, combine=combine),
        weights=weights,
        families=_families(settings.models),
        limits={
            "length": bias.length_limit,
            "family": bias.family_limit,
            "order": bias.order_limit,
            "position": bias.position_limit,
        },
        turn=turn,
    )


def _families(models: Sequence[ModelSettings]) -> dict[str, str]:
    """Return each model's family; one that fuses is of that which it is called through."""
    named = {model.name: model for model in models}
    called = {model.name: named[model.through or model.name] for model in models}
    return {name: named[name].family or by.family or maker_of(by.target) for name, by in called.items()}
