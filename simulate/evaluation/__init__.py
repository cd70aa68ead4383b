"""How good and how fast the estimators are, in worlds whose truth is known; the estimators are in bandit_router."""
