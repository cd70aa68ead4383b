"""Rules about the words of an answer: that it is no refusal and does not run in circles; not about their truth."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final

from bandit_router.judge.reading import asked, text_of
from bandit_router.types import ChatRequest, Completion

_LONGEST_REFUSAL: Final = 400
"""A longer answer that opens like a refusal mostly goes on to help."""
_OPENING: Final = 200
"""Characters in which a refusal shows; it also bounds the work of the expression."""

_SORRY: Final = (
    r"(?:(?:i['’]m|i am|we['’]re)\s+(?:very |really |so |truly )?(?:sorry|afraid)|sorry|unfortunately|regrettably"
    r"|(?:my )?apologies|i apologi[sz]e|as an? (?:ai|artificial intelligence|large language model|language model)"
    r"[\w ]{0,40})[\s,.;:!—–-]*(?:but|however|that)?[\s,]*"
)
_CANNOT: Final = (
    r"(?:i|we)\s*(?:['’]m|am|are)?\s*(?:simply |just |really |currently )?"
    r"(?:can['’]?t|cannot|can not|could not|won['’]t|will not|(?:(?:must|have to) )?(?:decline|refuse) to"
    r"|(?:not |un)(?:able|willing|comfortable|allowed|permitted)(?: to)?|do(?:n['’]t| not) feel comfortable"
    r"|do(?:n['’]t| not) have the ability to)\s*"
)
_HELP: Final = (
    r"(?:(?:be able to |in good conscience )?(?:help|assist|comply|fulfil|provid|answer|do (?:that|this)|creat|generat"
    r"|writ|support|engag|participat|discuss|shar|continu|respond|giv|offer|advis|process|complet|produc|perform)"
    r"|with |\W*$)"
)
_OTHERS: Final = (
    r"(?:i['’]m sorry,? (?:dave|but no)|i must (?:respectfully )?(?:decline|refuse)|i have to decline"
    r"|(?:this|that|your) (?:request|question|content) (?:violates|goes against|is against|is not something i can)"
    r"|(?:it|that)(?: is|['’]s) (?:against my|not something i can)"
    r"|lo siento,? (?:pero )?no puedo|je suis désolée?,? (?:mais )?je ne (?:peux|suis)"
    r"|(?:es )?tut mir leid,? (?:aber )?(?:ich kann|das kann)|desculpe,? (?:mas )?(?:eu )?não posso"
    r"|mi dispiace,? (?:ma )?non posso"
    r"|(?:很)?(?:抱歉|对不起)[，,]?(?:但)?我(?:无法|不能)|申し訳(?:ありません|ございません))"
)
_REFUSAL: Final = re.compile(rf"\W*(?:(?:{_SORRY}){{0,2}}{_CANNOT}{_HELP}|{_OTHERS})", re.IGNORECASE)
_WANTS_ONE: Final = re.compile(
    r"\b(?:refus|declin|reject|apolog|say(?:ing)? (?:no|sorry)|turn(?:ing|ed)? down|translat|rewrit|rephras|paraphras"
    r"|role.?play|dialog|quot(?:e|ing)|repeat)",
    re.IGNORECASE,
)
_WANTS_REPETITION: Final = re.compile(r"\b(?:repeat|repetit|times|over and over|lines)", re.IGNORECASE)

_RUN: Final = 10
_LOOPS: Final = 20
_LONGEST_LOOP: Final = 100
_SHORTEST_TAIL: Final = 60


def refusal(request: ChatRequest, completion: Completion) -> str | None:
    """An answer does not open by refusing to give one, unless the request asks for such words."""
    if completion.message.get("refusal"):
        return "the model refused"
    text = text_of(completion.message.get("content")).strip()
    opening = " ".join(text.split())[:_OPENING]
    if len(text) > _LONGEST_REFUSAL or not _REFUSAL.match(opening):
        return None
    return None if _WANTS_ONE.search(asked(request)) else "the answer opens with a refusal"


def degenerate(request: ChatRequest, completion: Completion) -> str | None:
    """An answer does not repeat one line, or end in a loop, unless the request asks for repetition."""
    text = text_of(completion.message.get("content"))
    if _WANTS_REPETITION.search(asked(request)):
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    longest = max((len(list(run)) for line, run in groupby(lines) if _has_words(line)), default=0)
    if longest >= _RUN:
        return f"one line stands {longest} times in a row"
    return "the answer ends in a loop" if _ends_in_loop(text.rstrip()) else None


def _has_words(line: str) -> bool:
    return len(line) > 3 and any(character.isalpha() for character in line)


def _ends_in_loop(text: str) -> bool:
    """Return True when the same up to 100 characters, letters among them, stand at least 20 times at the end."""
    return any(
        len(text) >= size * _LOOPS >= _SHORTEST_TAIL
        and text.endswith(text[-size:] * _LOOPS)
        and any(character.isalpha() for character in text[-size:])
        for size in range(1, _LONGEST_LOOP + 1)
    )
