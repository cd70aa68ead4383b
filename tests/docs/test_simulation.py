"""What the simulated fleet can be told while it runs is documented."""

import re
from dataclasses import fields
from pathlib import Path

from simulate.fleet.conditions import Condition

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")


def test_the_documented_keys_of_the_fleets_control_are_those_it_has() -> None:
    section = PAGE.split("## The fleet's control")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == [each.name for each in fields(Condition)]
