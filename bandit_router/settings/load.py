"""Reads router.toml from its place on disk; what it may say is elsewhere."""

from __future__ import annotations

from pathlib import Path

from bandit_router.errors import ConfigError
from bandit_router.settings.router import Settings
from bandit_router.settings.toml import read_toml


def load_settings(path: Path) -> Settings:
    """Read router.toml, with the paths in it made relative to its folder."""
    if not path.exists():
        raise ConfigError("there is no such file; `bandit-router init` writes one", path=str(path))
    settings = read_toml(path, Settings)
    home = path.resolve().parent
    policies = settings.policies.model_copy(update={"dir": home / settings.policies.dir})
    taxonomy = settings.context.taxonomy
    context = settings.context.model_copy(update={"taxonomy": home / taxonomy if taxonomy else None})
    store = settings.store.model_copy(update={"url": _absolute_sqlite(settings.store.url, home)})
    return settings.model_copy(update={"policies": policies, "context": context, "store": store})


def _absolute_sqlite(url: str, home: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith(prefix + "/") or ":memory:" in url:
        return url
    return f"{prefix}{home / url.removeprefix(prefix)}"
