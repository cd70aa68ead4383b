"""What the demonstration prints, on a terminal of 80 columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from simulate.demo.command import POLICIES, show_lines, what_next
from simulate.demo.report import Line
from simulate.outcomes import Arm, Row, Table

URL = "http://127.0.0.1:8080/v1"
MODELS = ("a/cheap", "b/middling", "c/dear")
ARMS = {model: Arm(score=0.5, cost_usd=0.001) for model in MODELS}
TABLE = Table(rows=(Row(id="r", category="maths", prompt="What?", arms=ARMS),), models=MODELS)


def terminal() -> Console:
    return Console(file=StringIO(), width=80, force_terminal=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_names_of_policies_are_whole() -> None:
    names, console = (*POLICIES, "always cheapest"), terminal()
    shares = {0: 1.0}
    lines = [Line(policy=n, n=1000, quality=0.9, cost_usd=0.01, reward=-0.5, start_share=shares) for n in names]
    show_lines(console, lines, TABLE, failed=())
    rows = printed(console).splitlines()
    assert all(any(f" {name} " in row and "0.010000" in row for row in rows) for name in names)


def test_what_to_open_next_is_there_to_be_opened() -> None:
    console = terminal()
    what_next(console, URL, (), stay=True)
    links = [line.split()[0] for line in printed(console).splitlines() if line.startswith("  http")]
    root = URL.removesuffix("/v1")
    assert links == [f"{URL}/decisions/ID", f"{root}/metrics", f"{URL}/models"]
