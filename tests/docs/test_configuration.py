"""Every setting is documented, and every documented setting exists."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from bandit_router.settings import (
    AsideSettings,
    BiasSettings,
    BreakerSettings,
    CascadeSettings,
    ContextSettings,
    DiscoverySettings,
    DriftSettings,
    GraderSettings,
    JudgeSettings,
    LearnerSettings,
    ModelSettings,
    PolicySettings,
    ProbingSettings,
    ReviewSettings,
    RewardSettings,
    ServerSettings,
    StoreSettings,
)

ROOT = Path(__file__).parents[2]
TABLES: dict[str, type[BaseModel]] = {
    "[server]": ServerSettings,
    "[store]": StoreSettings,
    "[context]": ContextSettings,
    "[reward]": RewardSettings,
    "[review]": ReviewSettings,
    "[cascade]": CascadeSettings,
    "[learner]": LearnerSettings,
    "[bias]": BiasSettings,
    "[drift]": DriftSettings,
    "[breaker]": BreakerSettings,
    "[discovery]": DiscoverySettings,
    "[aside]": AsideSettings,
    "[probing]": ProbingSettings,
    "[policies]": PolicySettings,
    "[[models]]": ModelSettings,
    "[[judges]]": JudgeSettings,
    "[[judges.graders]]": GraderSettings,
}


def documented() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    sections = re.split(r"^## `(.+)`$", text, flags=re.MULTILINE)[1:]
    return {
        name: {
            key
            for line in body.splitlines()
            for key in re.findall(r"`(\w+)`", line.split("|")[1] if "|" in line else "")
        }
        for name, body in zip(sections[::2], sections[1::2], strict=True)
    }


@pytest.mark.parametrize("table", TABLES)
def test_the_documented_keys_of_a_table_are_those_it_has(table: str) -> None:
    assert documented()[table] == set(TABLES[table].model_fields)


def test_every_table_is_documented() -> None:
    assert set(documented()) == set(TABLES)
