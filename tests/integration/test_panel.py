"""Recorded judges of recorded answers over HTTP: the panel in the service says what it says offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bandit_router.judge.calibrate import Calibrator
from bandit_router.judge.measure import measure
from simulate.fleet.judge import RECORDED
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Row, Table
from tests.api.service import KEY_ENV, Service, make_settings, routing
from tests.databases import sqlite_copy
from tests.unit.judge.verdicts import answer_events, judgement, table

TRUTH, GOOD = "deepseek/deepseek-r1", 0.85
JUDGES = ("anthropic/claude-3.5-haiku", "qwen/qwen-2.5-72b-instruct")
TAUGHT, HELD = 120, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A prompt sent to the policy that always takes one model, and what came of it."""

    row: Row
    model: str
    category: str
    quality: float

    @property
    def verdicts(self) -> dict[str, float]:
        return {judge: self.row.arms[self.model].judges[judge] for judge in JUDGES}

    @property
    def truth(self) -> float:
        return float(self.row.arms[self.model].judges[TRUTH] >= GOOD)


def ask(service: Service, row: Row, number: int, *, models: tuple[str, ...], tell: bool) -> Asked:
    place = number % len(models)
    reply = service.chat(row.prompt, model=f"only-{place}").raise_for_status()
    id = reply.headers["x-router-decision-id"]
    category = service.decision(id)["context"]["category"]
    quality = float(reply.headers["x-router-quality"])
    asked = Asked(row=row, model=models[place], category=category, quality=quality)
    if tell:
        service.http.post("/v1/feedback", json={"decision_id": id, "score": asked.truth}).raise_for_status()
    return asked


def write_policies(folder: Path, models: tuple[str, ...]) -> Path:
    folder.mkdir()
    for place, model in enumerate(models):
        text = f'kind = "static"\nmodel = "{model}"\nmin_judging = 1.0\n'
        (folder / f"only-{place}.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def recorded() -> Table:
    return table("pareto_k4_answers")


@pytest.fixture
def service(recorded: Table, sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv(KEY_ENV, "unused")
    with FleetServer(recorded, FleetOptions()) as fleet:
        priced = {"input_usd_per_million": 1.0, "output_usd_per_million": 1.0}
        reached = priced | {"api_base": fleet.url, "api_key_env": KEY_ENV}
        settings = make_settings(
            sqlite_copy(sqlite_file, tmp_path),
            "",
            models=[
                reached | {"name": model, "target": f"openai/{model}", "tier": tier}
                for tier, model in enumerate(recorded.models)
            ],
            judges=[
                reached | {"kind": "llm", "name": judge, "target": f"openai/{RECORDED}{judge}"} for judge in JUDGES
            ],
            policies={"dir": write_policies(tmp_path / "policies", recorded.models), "default": "only-0"},
            learner={"enabled": False},
        )
        with routing(settings) as running:
            yield running


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_panel_in_the_service_gives_the_offline_figures(recorded: Table, service: Service) -> None:
    order = np.random.default_rng(0).permutation(len(recorded.rows))
    rows = [recorded.rows[i] for i in order[: TAUGHT + HELD]]
    taught = [ask(service, row, i, models=recorded.models, tell=True) for i, row in enumerate(rows[:TAUGHT])]
    while service.services.learner.tick():
        pass
    service.services.learned.calibrators.refresh()
    assert service.services.learned.calibrators.numbers["panel"] > 0
    held = [ask(service, row, i, models=recorded.models, tell=False) for i, row in enumerate(rows[TAUGHT:])]
    offline = Calibrator()
    for number, asked in enumerate(taught):
        offline.learn(answer_events(number, asked.verdicts, asked.truth, model=asked.model, category=asked.category))
    said = [offline.quality(judgement(a.verdicts), model=a.model, category=a.category) or 0.0 for a in held]
    assert [asked.quality for asked in held] == pytest.approx(said, abs=0.002)
    truths = np.array([asked.truth for asked in held])
    over_http = measure(np.array([asked.quality for asked in held]), truths)
    assert over_http.auc == pytest.approx(measure(np.array(said), truths).auc, abs=0.01)
    assert (over_http.auc or 0.0) > 0.7
