"""Writes the configuration of a demonstration into a folder; it starts nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bandit_router.resources import shipped
from simulate.fleet.judge import JUDGE
from simulate.outcomes import Table
from simulate.prices import JUDGE_PRICE, price_list


def write_folder(folder: Path, table: Table, *, fleet_url: str, port: int, value_usd: float) -> Path:
    """Write router.toml and the shipped policies into a folder; return the path of router.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(shipped("policies"), folder / "policies", dirs_exist_ok=True)
    config = folder / "router.toml"
    config.write_text(_config(table, fleet_url=fleet_url, port=port, value_usd=value_usd), encoding="utf-8")
    return config


def _config(table: Table, *, fleet_url: str, port: int, value_usd: float) -> str:
    head = [
        f'[server]\nport = {port}\nauth = "off"',
        '[store]\nurl = "sqlite:///router.db"\nlog_text = "full"',
        f"[reward]\nvalue_usd = {value_usd}",
        "[cascade]\nmax_attempts = 3",
        "[learner]\ninterval_s = 0.5",
    ]
    models = [
        _entry("models", {"name": name, "tier": tier}, name, price, fleet_url)
        for tier, (name, price) in enumerate(price_list(table).items())
    ]
    judge = _entry("judges", {"kind": "llm", "name": "grader"}, JUDGE, JUDGE_PRICE, fleet_url)
    return "\n\n".join([*head, *models, '[[judges]]\nkind = "rules"', judge]) + "\n"


def _entry(table: str, keys: dict[str, object], target: str, price: tuple[float, float], fleet_url: str) -> str:
    entry = {
        **keys,
        "target": f"openai/{target}",
        "api_base": fleet_url,
        "input_usd_per_million": price[0] * 1e6,
        "output_usd_per_million": price[1] * 1e6,
    }
    # A JSON string or number is a TOML one too.
    return "\n".join([f"[[{table}]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())])
