"""Writes decisions and outcomes to a database until it is killed, and prints each id once its call has returned."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from bandit_router.store.log import Log
from bandit_router.store.session import open_engine
from tests.factories import make_decision, make_feedback, make_outcome


async def main(url: str) -> None:
    """Write with eight tasks side by side, for ever."""
    log, numbers = Log(open_engine(url)), count()

    async def work() -> None:
        for number in numbers:
            decision = make_decision(number)
            await log.decided(decision)
            print("decided", decision.id, flush=True)
            await log.finished(make_outcome(decision))
            print("finished", decision.id, flush=True)
            feedback = make_feedback(number, decision=decision)
            await log.feedback(feedback)
            print("feedback", feedback.id, flush=True)

    await asyncio.gather(*(work() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
