"""Turns a request into a context: category, surface features, embedding and content hash; it decides nothing."""

from bandit_router.context.build import Builder, load_builder
from bandit_router.context.embed import HostedCall

__all__ = ["Builder", "HostedCall", "load_builder"]
