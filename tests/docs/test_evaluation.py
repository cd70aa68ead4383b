"""The blocks of docs/evaluation.md run, one after the other, and its tables name what there is."""

import re
from pathlib import Path
from typing import Any, get_args

from bandit_router.evaluate import ESTIMATORS
from bandit_router.evaluate.verdict import Code

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


def test_its_blocks_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    shared: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/evaluation.md", "exec"), shared)
    assert "whole" in shared


def test_every_estimator_is_explained() -> None:
    section = PAGE.split("## Which estimator")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == set(ESTIMATORS)


def test_every_finding_is_explained() -> None:
    section = PAGE.split("## Look at the log first")[1].split("## ")[0]
    named = {
        code for row in re.findall(r"^\| (`.*?`) \|", section, flags=re.MULTILINE) for code in re.findall(r"\w+", row)
    }
    assert named == set(get_args(Code))
