"""Prints a question, its answer and what the judges said, safe for a terminal; it asks and stores nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from bandit_router.store.events import Account
from bandit_router.store.reviews import Item
from bandit_router.types import Verdict

NOT_STORED: Final = (
    '(not stored: [store] log_text was "none" when this was answered; set it to "redacted" or "full", or skip)'
)


def print_case(console: Console, item: Item, account: Account, notes: Sequence[str]) -> None:
    """Print all that a reviewer needs of one item."""
    served = account.outcome.served if account.outcome else None
    answer = None if served is None else account.answers[served]
    judgement = account.outcome.history[served].judgement if account.outcome and served is not None else None
    quality = "not judged" if item.quality is None else f"judged {item.quality:.2f}"
    console.print()
    _heading(console, f"{item.decision_id}  {item.reason}{', escalated' if item.escalated else ''}")
    _line(console, f"{item.category}, answered by {item.model}, {quality}", style="dim")
    for note in notes:
        _line(console, f"note: {note}", style="yellow")
    _heading(console, "question")
    for role, text in _messages(account.prompt):
        _line(console, f"{role}:", style="bold")
        _line(console, text)
    _heading(console, "answer")
    _line(console, NOT_STORED if answer is None else _text_of(_parsed(answer)))
    _heading(console, "verdicts")
    for verdict in judgement.verdicts if judgement else ():
        _line(console, _verdict(verdict))


def printable(text: str) -> str:
    """Return a text without control characters: what users and models wrote could move the cursor or lie by it.

    >>> printable("a\\x1b[2Jb\\n\\tc")
    'a\\ufffd[2Jb\\n\\tc'
    """
    return "".join(c if c in "\n\t" or c.isprintable() else "\ufffd" for c in text)


def _messages(prompt: str | None) -> Iterator[tuple[str, str]]:
    """Yield each message's role and text."""
    if prompt is None:
        yield "user", NOT_STORED
        return
    found = _parsed(prompt)
    for message in found if isinstance(found, list) else [found]:
        role = message.get("role", "user") if isinstance(message, Mapping) else "user"
        yield str(role), _text_of(message)


def _text_of(message: Any) -> str:
    """Return a message's text, with parts that are none named, and tool calls as JSON."""
    if not isinstance(message, Mapping):
        return str(message)
    content = message.get("content")
    parts = [content] if isinstance(content, str) else [_part(part) for part in content or ()]
    calls = [json.dumps(call, ensure_ascii=False) for call in message.get("tool_calls") or ()]
    return "\n".join([*parts, *calls, *([str(message["refusal"])] if message.get("refusal") else [])])


def _part(part: Any) -> str:
    if isinstance(part, Mapping):
        return str(part["text"]) if "text" in part else f"[{part.get('type', 'part')}]"
    return str(part)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _verdict(verdict: Verdict) -> str:
    said = "no verdict" if verdict.score is None else f"{verdict.score:.2f}"
    why = verdict.error or verdict.reason
    return f"{verdict.judge}: {said}{f'  {why}' if why else ''}"


def _heading(console: Console, title: str) -> None:
    console.print(Rule(Text(printable(title)), align="left", style="dim"))


def _line(console: Console, text: str, *, style: str = "") -> None:
    console.print(Text(printable(text)), style=style)
