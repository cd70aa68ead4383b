"""Settings become running services; nothing is decided here."""

from bandit_router.bootstrap.gating import make_switch
from bandit_router.bootstrap.ids import new_id
from bandit_router.bootstrap.judging import judge_watch
from bandit_router.bootstrap.parts import check, load_catalog
from bandit_router.bootstrap.services import Services
from bandit_router.bootstrap.start import conduct, start

__all__ = ["Services", "check", "conduct", "judge_watch", "load_catalog", "make_switch", "new_id", "start"]
