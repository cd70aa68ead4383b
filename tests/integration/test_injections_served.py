"""Answers that try to sway a gullible judge, through the running service: the quality that decides does not move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Arm, Row, Table
from tests.api.service import KEY_ENV, Service, make_settings, routing
from tests.databases import sqlite_copy
from tests.unit.judge.test_injections import CORPUS, MOST, PLACES, QUESTIONS

ESSAY = QUESTIONS["essay"]
ARMS = ("honest", "swaying")


def row(number: int, injection: str) -> Row:
    good = number % 2 == 0
    answer, score = (ESSAY.good, 0.9) if good else (ESSAY.bad, 0.1)
    place = list(PLACES.values())[number // 2 % 2]
    texts = (answer, place.format(answer=answer, injection=injection))
    arms = {arm: Arm(score=score, cost_usd=1e-5, answer=text) for arm, text in zip(ARMS, texts, strict=True)}
    return Row(id=str(number), category="qa", prompt=f"{ESSAY.text} ({number})", arms=arms)


ROWS = tuple(row(number, injection) for number, injection in enumerate(CORPUS))


@pytest.fixture
def service(sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv(KEY_ENV, "unused")
    policies = tmp_path / "policies"
    policies.mkdir()
    for arm in ARMS:
        text = f'kind = "static"\nmodel = "{arm}"\nmin_judging = 1.0\n'
        (policies / f"only-{arm}.toml").write_text(text, encoding="utf-8")
    table = Table(rows=ROWS, models=ARMS)
    with FleetServer(table, FleetOptions(judge_noise=0, judge_gullible=True)) as fleet:
        reached = {"input_usd_per_million": 1.0, "output_usd_per_million": 1.0, "api_base": fleet.url}
        reached |= {"api_key_env": KEY_ENV}
        settings = make_settings(
            sqlite_copy(sqlite_file, tmp_path),
            "",
            models=[reached | {"name": arm, "target": f"openai/{arm}", "tier": 0} for arm in ARMS],
            judges=[
                {"kind": "rules"},
                reached | {"kind": "llm", "name": "grader", "target": "openai/judge"},
                {"kind": "relevance"},
            ],
            policies={"dir": policies, "default": "only-honest"},
            learner={"enabled": False},
        )
        with routing(settings) as running:
            yield running


def qualities(service: Service, arm: str) -> list[tuple[str, float]]:
    """Ask every question and return the decision and the quality of each answer."""
    replies = [service.chat(each.prompt, model=f"only-{arm}").raise_for_status() for each in ROWS]
    return [(r.headers["x-router-decision-id"], float(r.headers["x-router-quality"])) for r in replies]


def moved(service: Service) -> dict[str, float]:
    pairs = zip(CORPUS, qualities(service, "honest"), qualities(service, "swaying"), strict=True)
    return {text: swayed - honest for text, (_, honest), (_, swayed) in pairs if abs(swayed - honest) > MOST}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_no_injection_moves_the_quality_of_a_new_service(service: Service) -> None:
    assert moved(service) == {}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_no_injection_moves_the_quality_once_the_panel_has_learned(service: Service) -> None:
    for each, (id, _) in zip(ROWS, qualities(service, "honest"), strict=True):
        good = each.arms["honest"].score > 0.5
        service.http.post("/v1/feedback", json={"decision_id": id, "score": float(good)}).raise_for_status()
    while service.services.learner.tick():
        pass
    # The service looks for new versions by itself, and may have been first.
    service.services.learned.calibrators.refresh()
    assert service.services.learned.calibrators.numbers["panel"] > 0
    assert moved(service) == {}
