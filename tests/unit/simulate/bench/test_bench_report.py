"""The page of a simulation stands by itself and shows what the result holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from bandit_router.errors import ConfigError
from bandit_router.page.svg import Plot, Scale, padded, x_scale, y_scale
from simulate.bench.record import Run
from simulate.bench.report.page import page, write_report
from simulate.bench.report.series import curves
from simulate.bench.result import result
from simulate.bench.stream import Setting
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

ROWS = 120
SETTING = Setting(value_usd=1.0)


@pytest.fixture
def wide() -> World:
    return make_world([[0.5, 1.0]] * ROWS, [[0.001, 0.1]] * ROWS)


def run_of(model: int, *, policy: str = "p", seed: int = 0) -> Run:
    """Return a run that always took one model of `wide`."""
    quality, cost = ((0.5, 0.001), (1.0, 0.1))[model]
    return Run(
        policy=policy,
        kind="k",
        seed=seed,
        quality=np.full(ROWS, quality),
        cost_usd=np.full(ROWS, cost),
        start=np.full(ROWS, model),
        attempts=np.ones(ROWS, dtype=np.int64),
        judged=np.zeros(ROWS, dtype=np.int64),
        dropped=(None,),
    )


def test_a_curve_holds_the_mean_over_seeds(wide: World) -> None:
    [curve] = curves(wide, SETTING, [run_of(0), run_of(1, seed=1)])
    assert curve.utility.tolist() == pytest.approx([(0.499 + 0.9) / 2] * 50)
    assert curve.shares.tolist() == [[0.5, 0.5]] * 50


def test_regret_is_what_was_lost_against_the_best_in_hindsight(wide: World) -> None:
    worse, best = curves(wide, SETTING, [run_of(0, policy="worse"), run_of(1, policy="best")])
    assert worse.regret[-1] == pytest.approx(ROWS * (0.9 - 0.499))
    assert best.regret[-1] == pytest.approx(0.0)


def test_few_queries_give_as_many_windows() -> None:
    short = make_world([[1.0]] * 3, [[0.1]] * 3)
    run = Run(
        policy="p",
        kind="k",
        seed=0,
        quality=np.ones(3),
        cost_usd=np.ones(3),
        start=np.zeros(3, dtype=np.int64),
        attempts=np.ones(3, dtype=np.int64),
        judged=np.ones(3, dtype=np.int64),
        dropped=(None,),
    )
    assert curves(short, SETTING, [run])[0].ends == (1, 2, 3)


def test_the_page_asks_for_nothing_from_elsewhere(wide: World) -> None:
    made = page(result(wide, SETTING, [run_of(0)], judge="noise:0"), wide, SETTING, [run_of(0)])
    assert not re.search(r"https?://|<script|<link|@import|url\(|src=", made)


def test_the_page_is_for_light_and_for_dark(wide: World) -> None:
    made = page(result(wide, SETTING, [run_of(0)], judge="noise:0"), wide, SETTING, [run_of(0)])
    assert "prefers-color-scheme: dark" in made


def test_every_picture_is_well_formed_and_names_are_escaped(wide: World) -> None:
    runs = [run_of(0, policy="a<b>&c")]
    pictures = re.findall(
        r"<svg.*?</svg>", page(result(wide, SETTING, runs, judge="j"), wide, SETTING, runs), re.DOTALL
    )
    assert [ElementTree.fromstring(picture).tag for picture in pictures] == ["svg"] * 4
    assert "a&lt;b&gt;&amp;c" in "".join(pictures)


def test_the_table_shows_every_policy_and_reference(wide: World) -> None:
    runs = [run_of(0, policy="mine"), run_of(1, policy="yours")]
    made = page(result(wide, SETTING, runs, judge="noise:0"), wide, SETTING, runs)
    rows = re.findall(r'<tr class="\w+"><th>(.*?)</th><td>(.*?)</td>', made)
    assert [name for name, _ in rows[:2]] == ["mine", "yours"]
    assert dict(rows)["best_single"] == "0.9000"


def test_a_page_that_cannot_be_written_says_what_to_do(wide: World) -> None:
    runs = [run_of(0)]
    with pytest.raises(ConfigError, match="choose another path"):
        write_report(Path("/no/such/folder/r.html"), result(wide, SETTING, runs, judge="j"), wide, SETTING, runs)


def test_the_command_writes_the_page(command: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    command("--policy", "random", "--seeds", "2", "--scenario", "quality_drop", "--report", str(path))
    assert path.read_text().count("<svg") == 4


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(low=0, high=10, start=0, stop=1), [0, 2, 4, 6, 8, 10]),
        (Scale(low=-0.3, high=0.25, start=0, stop=1), [-0.2, 0.0, 0.2]),
        (Scale(low=0.002, high=0.06, start=0, stop=1, log=True), [0.002, 0.005, 0.01, 0.02, 0.05]),
        (Scale(low=0.2, high=0.9, start=0, stop=1, log=True), [0.2, 0.5]),
        (Scale(low=1e-5, high=1e2, start=0, stop=1, log=True), [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]),
    ],
)
def test_ticks_are_round_and_within_the_scale(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)


def test_values_off_the_scale_are_drawn_at_its_edge() -> None:
    assert Scale(low=0, high=1, start=10, stop=20).at(7) == 20


def test_equal_values_still_have_a_span() -> None:
    low, high = padded([0.5, 0.5])
    assert low < 0.5 < high


def test_labels_of_points_at_one_place_do_not_overlap() -> None:
    plot = Plot(x_scale(0, 1), y_scale(0, 1), title="t")
    plot.labels([((0.5, 0.5), "one"), ((0.5, 0.5), "two"), ((0.51, 0.5), "three")])
    heights = sorted(float(text.attrib["y"]) for text in ElementTree.fromstring(plot.render()))
    assert min(b - a for a, b in pairwise(heights)) >= 13
