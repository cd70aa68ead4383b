"""What router.toml may say, checked strictly; it builds nothing."""

from bandit_router.settings.base import NonNegative, Positive, Share, Strict
from bandit_router.settings.judges import GraderSettings, JudgeSettings
from bandit_router.settings.load import load_settings
from bandit_router.settings.models import ModelSettings
from bandit_router.settings.router import Settings
from bandit_router.settings.tables import (
    AsideSettings,
    BiasSettings,
    BreakerSettings,
    CascadeSettings,
    ContextSettings,
    DiscoverySettings,
    DriftSettings,
    LearnerSettings,
    PolicySettings,
    ProbingSettings,
    ReviewSettings,
    RewardSettings,
    ServerSettings,
    StoreSettings,
)
from bandit_router.settings.toml import parse_toml, read_toml

__all__ = [
    "AsideSettings",
    "BiasSettings",
    "BreakerSettings",
    "CascadeSettings",
    "ContextSettings",
    "DiscoverySettings",
    "DriftSettings",
    "GraderSettings",
    "JudgeSettings",
    "LearnerSettings",
    "ModelSettings",
    "NonNegative",
    "PolicySettings",
    "Positive",
    "ProbingSettings",
    "ReviewSettings",
    "RewardSettings",
    "ServerSettings",
    "Settings",
    "Share",
    "StoreSettings",
    "Strict",
    "load_settings",
    "parse_toml",
    "read_toml",
]
