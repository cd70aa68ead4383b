"""What another policy would have earned on logged traffic: estimates, intervals, diagnostics; it reads no database."""

from bandit_router.evaluate.estimate import ESTIMATORS, estimate
from bandit_router.evaluate.result import Estimate

__all__ = ["ESTIMATORS", "Estimate", "estimate"]
