"""An artifact is read back whole and of its own kind, or not at all."""

import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.sealed import seal, unseal

ARTIFACT = seal("learned", {"one": b"\x00\xff\n", "two": b"", "three": b"abc"})


def test_parts_come_back_in_order() -> None:
    assert list(unseal("learned", ARTIFACT).items()) == [("one", b"\x00\xff\n"), ("two", b""), ("three", b"abc")]


def test_another_kind_is_refused() -> None:
    with pytest.raises(CorruptArtifact, match="'learned', not 'taxonomy'"):
        unseal("taxonomy", ARTIFACT)


@pytest.mark.parametrize("size", range(0, len(ARTIFACT), 7))
def test_a_truncated_artifact_is_never_read(size: int) -> None:
    with pytest.raises(CorruptArtifact):
        unseal("learned", ARTIFACT[:size])
