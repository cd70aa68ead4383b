"""Finds fenced code in an answer; it does not parse the code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

# No two neighbours may match the same blanks: a line of many would take the square of their number in steps.
_FENCE = re.compile(r"^[ \t>]*(?:(?:[-*+]|\d+\.)[ \t]*)?(?P<ticks>`{3,}|~{3,})(?P<info>[^`\n]*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language in lower case and its dedented code."""

    language: str
    code: str


def blocks(text: str) -> Iterator[Block]:
    """Yield the closed blocks in order; a fence is closed by one of its own kind, as long or longer.

    >>> list(blocks("Try this:\\n```Python\\nx = 1\\n```"))
    [Block(language='python', code='x = 1')]
    """
    opened, language, lines = "", "", list[str]()
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found and not opened:
            opened, language, lines = found["ticks"], _language(found["info"]), []
        elif found and found["ticks"].startswith(opened) and not found["info"].strip():
            yield Block(language=language, code=textwrap.dedent("\n".join(lines)))
            opened = ""
        else:
            lines.append(line)


def is_balanced(text: str) -> bool:
    """Return True when the fences of an answer come in pairs, nested ones too."""
    return sum(1 for line in text.splitlines() if _FENCE.match(line)) % 2 == 0


def _language(info: str) -> str:
    words = info.strip().lower().split()
    return words[0].strip("{}.") if words else ""
