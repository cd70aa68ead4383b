"""`make bench-newcomer` compares what is expected of each model, before it answers, with how good it is."""

import json
from pathlib import Path

import pytest

from bandit_router.errors import ConfigError
from simulate.newcomer import main
from tests.integration.worlds import make_table


def test_each_model_is_the_newcomer_once_for_each_thing_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = make_table(tmp_path, rows=150)
    out = tmp_path / "out.json"
    main(outcomes=path, score=["small=0.4", "large=0.8"], queries=300, then=40, seeds=1, json_path=out)
    found = json.loads(out.read_text())
    assert "and stated scores" in capsys.readouterr().out
    assert sorted(line["model"] for line in found["models"]) == sorted(["small", "medium", "large"] * 4)
    assert all(0 < line["expected"] < 1 and line["log-loss"] > 0 for line in found["models"])


def test_a_score_of_no_model_is_refused(tmp_path: Path) -> None:
    _, path = make_table(tmp_path, rows=9)
    with pytest.raises(ConfigError, match="no model is named 'smal'"):
        main(outcomes=path, score=["smal=0.4"])
