"""Where the cost of a value crosses what is allowed; it knows nothing of what costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

S = TypeVar("S")
_STEPS: Final = 60
_NEAR: Final = 1e-7


def cross(
    excess: Callable[[float, S], tuple[float, S]], inside: float, end: float, *, reach: float, z: float, start: S
) -> float:
    """Return where sqrt(2 cost) - z crosses 0, between a value that is likely and an end that is impossible.

    `excess` tells that of a value, given where a search began and returning where it ended; `reach` is about how far
    the crossing is. The root of the cost is nearly straight in the value, so that a secant kept within its bracket
    needs few steps.
    """
    near, at_near, far = inside, -z, end
    guess = inside + math.copysign(min(reach, abs(end - inside) / 2), end - inside)
    for _ in range(_STEPS):
        if abs(far - near) < _NEAR:
            break
        at, start = excess(guess, start)
        if abs(at) < 1e-4:
            return guess
        secant = guess - at * (guess - near) / (at - at_near) if at != at_near else far
        if at < 0:
            near, at_near = guess, at
        else:
            far = guess
        between = min(near, far) < secant < max(near, far)
        guess = secant if between else (near + far) / 2
    return far
