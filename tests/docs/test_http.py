"""Every metric, endpoint and hint is documented, and every documented one exists."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bandit_router.api.hints import NAMES
from bandit_router.api.metrics import Learning, Metrics, ModelHealth
from bandit_router.judge.report import Report
from bandit_router.reward.feedback import LABELS

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def exported() -> set[str]:
    metrics = Metrics()
    standing = Learning(
        policy="p",
        version=1,
        newest=2,
        pinned=False,
        refused=True,
        difference={"value": -0.1},
        lag_events=0,
        lag_seconds=0.0,
    )
    metrics.watch(lambda: [standing], lambda: 0)
    metrics.watch_experiments(lambda: ())
    metrics.watch_judges(lambda: Report(standings=(), biases=()))
    health = ModelHealth(
        model="m", state="active", circuit="open", trips=1, expected=0.5, evidence=1.0, alarms=1, versions=1
    )
    metrics.watch_models(lambda: [health])
    families = text_string_to_metric_families(metrics.text().decode())
    return {f.name + ("_total" if f.type == "counter" else "") for f in families if not f.name.endswith("_created")}


def test_the_documented_metrics_are_those_exported() -> None:
    assert set(re.findall(r"^\| `(bandit_router_\w+)` \|", PAGE, flags=re.MULTILINE)) == exported()


def test_every_hint_is_documented() -> None:
    section = PAGE.split("## What a request may ask for")[1].split("## ")[0]
    assert set(re.findall(r"`x-router-([\w-]+)`", section)) == set(NAMES)


def test_every_label_of_feedback_is_documented() -> None:
    section = PAGE.split("## Feedback")[1].split("## ")[0]
    assert set(LABELS) <= set(re.findall(r"`(\w+)`", section))
