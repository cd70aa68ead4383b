"""Wraps one Vowpal Wabbit cb_explore_adf workspace, and alone imports it; it knows none of the router's nouns."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit.pyvw import pylibvw

from bandit_router.errors import CorruptArtifact

Features = Mapping[str, "Sequence[tuple[str, float]] | NDArray[np.float32]"]
"""Namespace (one letter) -> named numbers, or a dense vector whose features are its places. All finite."""

MAGIC: Final = b"bandit-router-vw/1\n"
QUIET: Final = ("--quiet", "--no_stdin")


class Workspace:
    """A cb_explore_adf learner behind a lock, since VW's core is not thread-safe.

    `model_args` are kept inside the artifact by VW; `run_args` are not, so they are given again at every load.
    """

    def __init__(self, *, model_args: Sequence[str], run_args: Sequence[str], artifact: bytes | None = None) -> None:
        """Start cold, or from an artifact of the same arguments; raise `CorruptArtifact` when that cannot be read."""
        self._args = [*model_args, *run_args]
        self._lock = Lock()
        self._vw = (
            pylibvw.vw([*QUIET, *self._args]) if artifact is None else _load(unwrap(artifact, self._args), run_args)
        )
        self._label_type = self._vw._get_label_type()
        self._spaces: dict[str, int] = {}

    def predict(self, shared: Features, actions: Sequence[Features]) -> tuple[list[float], list[float]]:
        """Return each action's probability (float64, exactly normalised) and the cost VW predicts for it."""
        with self._lock:
            examples = [self._example(shared, "shared"), *(self._example(action) for action in actions)]
            self._vw.predict_multi(examples)
            # The regressor leaves its estimate on each action's example before SquareCB turns them into the pmf.
            costs = [example.get_partial_prediction() for example in examples[1:]]
            scores = examples[0].get_action_scores()
        total = math.fsum(scores)
        return [score / total for score in scores], costs

    def learn(self, shared: Features, actions: Sequence[Features], *, chosen: int, cost: float) -> None:
        """Learn the cost in [0, 1] of one action taken; raise ValueError for any other cost, which VW would not.

        SquareCB is a plain regression, without importance weights. VW 9.11.9 sets the label's probability to 1 for
        that, but overlooks the last action of the list, so it is given as 1 from the start.
        """
        if not 0 <= cost <= 1:
            raise ValueError(f"cost is {cost}; it must be in [0, 1]")
        label = f"0:{cost:.9g}:1"
        with self._lock:
            examples = [self._example(shared, "shared")]
            examples += [self._example(action, label if i == chosen else None) for i, action in enumerate(actions)]
            self._vw.learn_multi(examples)

    def save(self) -> bytes:
        """Return the artifact: a header with the arguments and a checksum, then VW's own model file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.vw"
            with self._lock:
                self._vw.save(str(path))
            return wrap(path.read_bytes(), self._args)

    def _example(self, features: Features, label: str | None = None) -> Any:
        example = pylibvw.example(self._vw, self._label_type)
        for space, values in features.items():
            pairs = self._dense(space, values) if isinstance(values, np.ndarray) else list(values)
            example.push_namespace(ord(space))
            example.push_feature_list(self._vw, ord(space), self._space(space), pairs)
        if label is not None:
            # Appends to what is there, so an example is labelled once in its life.
            example.set_label_string(self._vw, label, self._label_type)
        self._vw.setup_example(example)
        return example

    def _dense(self, space: str, values: NDArray[np.float32]) -> list[tuple[int, float]]:
        first = self._space(space)
        return list(zip(range(first, first + len(values)), values.tolist(), strict=True))

    def _space(self, space: str) -> int:
        if space not in self._spaces:
            self._spaces[space] = self._vw.hash_space(space)
        return self._spaces[space]


def wrap(model: bytes, args: Sequence[str]) -> bytes:
    """Put a header before a VW model: format, arguments, length and SHA-256, for VW checks none of them itself."""
    header = {"args": list(args), "bytes": len(model), "sha256": hashlib.sha256(model).hexdigest()}
    return MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n" + model


def unwrap(artifact: bytes, args: Sequence[str]) -> bytes:
    """Return the VW model of an artifact; raise `CorruptArtifact` when damaged or made with other arguments."""
    if not artifact.startswith(MAGIC):
        raise CorruptArtifact(f"a learned state does not begin with {MAGIC!r}; publish one anew or start cold")
    line, _, model = artifact.removeprefix(MAGIC).partition(b"\n")
    try:
        header = json.loads(line)
        found = (header["args"], header["bytes"], header["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptArtifact("a learned state has an unreadable header; fall back to an earlier version") from error
    if found[1:] != (len(model), hashlib.sha256(model).hexdigest()):
        raise CorruptArtifact("a learned state does not match its checksum; fall back to an earlier version")
    if found[0] != list(args):
        raise CorruptArtifact(f"a learned state was made with VW arguments {found[0]}, not {list(args)}; start cold")
    return model


def _load(model: bytes, run_args: Sequence[str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.vw"
        path.write_bytes(model)
        try:
            return pylibvw.vw([*QUIET, *run_args, "-i", str(path)])
        except RuntimeError as error:
            raise CorruptArtifact(
                f"VW cannot read a learned state ({error}); fall back to an earlier version"
            ) from error
