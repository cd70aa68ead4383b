"""What verdicts said of requests is remembered for a while, and put away to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from bandit_router.policy.index.heard import REMEMBERED, Heard
from bandit_router.policy.index.predictor import NODES

SAID = np.linspace(-1.0, 0.0, len(NODES))


def test_what_several_verdicts_said_adds_up() -> None:
    heard = Heard()
    heard.note("a", [SAID, SAID])
    assert heard.of("a") == pytest.approx(2 * SAID)


@pytest.mark.parametrize("decision", [None, "b"])
def test_of_what_was_not_heard_nothing_is_known(decision: str | None) -> None:
    heard = Heard()
    heard.note("a", [SAID])
    heard.note("b", [])
    assert heard.of(decision) is None


def test_the_oldest_is_given_up() -> None:
    heard = Heard()
    for number in range(REMEMBERED + 1):
        heard.note(str(number), [SAID])
    assert (heard.of("0"), len(heard.decisions())) == (None, REMEMBERED)


def test_what_was_put_away_comes_back() -> None:
    heard, again = Heard(), Heard()
    for number in range(3):
        heard.note(str(number), [SAID * number])
    again.restore(heard.decisions(), heard.flat())
    assert again.decisions() == ["0", "1", "2"]
    assert again.flat().tobytes() == heard.flat().tobytes()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Heard().restore(["a", "b"], SAID)
