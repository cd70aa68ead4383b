"""Packs named parts of a learned state into one artifact with a checksum, and back; what they mean it does not know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from bandit_router.errors import CorruptArtifact

MAGIC: Final = b"bandit-router-state/1\n"


def seal(kind: str, parts: Mapping[str, bytes]) -> bytes:
    """Return an artifact: a header of kind, sizes and SHA-256, then the parts; equal parts give equal bytes.

    >>> unseal("learned", seal("learned", {"a": b"1", "b": b""}))
    {'a': b'1', 'b': b''}
    """
    body = b"".join(parts.values())
    header = {"kind": kind, "parts": [[name, len(part)] for name, part in parts.items()], "sha256": _digest(body)}
    return MAGIC + json.dumps(header).encode() + b"\n" + body


def unseal(kind: str, artifact: bytes) -> dict[str, bytes]:
    """Return the parts of an artifact; raise `CorruptArtifact` when it is damaged or of another kind."""
    if not artifact.startswith(MAGIC):
        raise CorruptArtifact(f"a learned state does not begin with {MAGIC!r}; publish one anew or start cold")
    line, _, body = artifact.removeprefix(MAGIC).partition(b"\n")
    try:
        header = json.loads(line)
        found, sizes, digest = (
            header["kind"],
            [(str(name), int(size)) for name, size in header["parts"]],
            header["sha256"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptArtifact("a learned state has an unreadable header; fall back to an earlier version") from error
    if (digest, sum(size for _, size in sizes)) != (_digest(body), len(body)):
        raise CorruptArtifact("a learned state does not match its checksum; fall back to an earlier version")
    if found != kind:
        raise CorruptArtifact(f"a learned state is one of a policy of kind {found!r}, not {kind!r}; start cold")
    parts, start = {}, 0
    for name, size in sizes:
        parts[name] = body[start : start + size]
        start += size
    return parts


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
