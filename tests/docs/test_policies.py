"""Every kind of policy is documented, and every shipped policy file is explained key by key."""

import re
from pathlib import Path

import pytest

from bandit_router.policy.load import load_specs
from bandit_router.policy.spec import KINDS

ROOT = Path(__file__).parents[2]


def test_the_documented_kinds_are_those_there_are() -> None:
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)) == set(KINDS)


@pytest.mark.parametrize("name", load_specs(ROOT / "policies"))
def test_a_shipped_policy_says_what_it_is_for(name: str) -> None:
    assert load_specs(ROOT / "policies")[name].description
