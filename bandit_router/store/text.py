"""Decides how much of what users and models wrote may be stored, and masks the rest; it stores nothing.

Masked are e-mail addresses, phone numbers and other long digit runs, keys and tokens, IP addresses, the query and
credentials of URLs, and embedded data. Names and postal addresses are not: nothing short of a model finds those.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

LogText = Literal["none", "redacted", "full"]

ERROR_CHARS: Final = 300

# Every pattern runs in linear time on any text: it starts only where a run of its characters starts, or is bounded.
_DATA = re.compile(r"\bdata:[\w/+.;=-]*;base64,[A-Za-z0-9+/=%_-]*+")
_PEM = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?")
_URL = re.compile(r"://([^\s\"'<>]++)")
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)+")
_BEARER = re.compile(r"(?i)\b(bearer\s{1,3})[^\s\"',;]{16,}+")
_ASSIGNED = re.compile(
    r"(?i)((?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key)[\w-]{0,20}"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\s\"',;]{6,}+"
)
_TOKEN = re.compile(r"(?<![\w+/=.-])[\w+/=.-]{16,}+")
_KEY_PREFIX = re.compile(r"(?:sk|pk|rk|br|hf|gh[oprsu]|github_pat|glpat|xox[abeprs])[-_]|AKIA|ASIA|AIza|ya29\.|eyJ")
_SECRET_CHARS: Final = 24
_ADDRESS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]{3,45}(?![\w:])")
_NUMBER = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ().\-/]{0,2}\d){6,}(?!\w)")
_PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}|\d\.\d+")


def redact(text: str) -> str:
    """Mask what identifies a person or opens a door.

    >>> redact("write to ann@example.org or +44 20 7946 0958")
    'write to [email] or [number]'
    """
    text = _DATA.sub("[data]", text)
    text = _PEM.sub("[key]", text)
    text = _URL.sub(_mask_url, text)
    text = _EMAIL.sub("[email]", text)
    text = _BEARER.sub(r"\1[key]", text)
    text = _ASSIGNED.sub(r"\1[key]", text)
    text = _TOKEN.sub(_mask_token, text)
    text = _ADDRESS.sub(_mask_address, text)
    return _NUMBER.sub(lambda found: found[0] if _PLAIN.fullmatch(found[0]) else "[number]", text)


def clean(text: str) -> str:
    """Replace what a database's text cannot hold: NUL, which PostgreSQL refuses, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def clean_or_none(text: str | None) -> str | None:
    """Clean a text that may be missing."""
    return None if text is None else clean(text)


def conversation(messages: Sequence[Mapping[str, Any]], log_text: LogText) -> str | None:
    """Return what may be stored of a conversation, as JSON; None for nothing."""
    return kept(list(messages), log_text) if messages else None


def kept(value: Any, log_text: LogText) -> str | None:
    """Return what may be stored of a JSON value, as JSON; None for nothing."""
    return None if log_text == "none" else _kept(json.dumps(value, ensure_ascii=False), log_text)


def answer(message: Mapping[str, Any] | None, log_text: LogText) -> str | None:
    """Return what may be stored of an assistant message, as JSON; None for nothing."""
    return None if message is None or log_text == "none" else _kept(json.dumps(dict(message)), log_text)


def is_whole(value: Any, stored: str | None) -> bool:
    """Tell whether what is stored of a JSON value is all of it, with nothing masked or replaced."""
    try:
        return stored is not None and bool(json.loads(stored) == value)
    except (RecursionError, ValueError):  # too deeply nested to be walked, and masked as text it may be JSON no more
        return False


def reason(text: str, log_text: LogText) -> str:
    """Return what may be stored of a judge's reason, which may quote the answer."""
    if log_text == "none":
        return ""
    return clean(text if log_text == "full" else redact(text))


def remark(text: str | None, log_text: LogText) -> str | None:
    """Return what may be stored of a comment that was sent to be kept: all but what identifies a person."""
    return None if text is None else clean(text if log_text == "full" else redact(text))


def error(text: str | None, log_text: LogText) -> str | None:
    """Return what may be stored of an error: its start, masked unless all may be kept.

    What a provider said, which may quote the request, stands after the first colon: where no text may be kept, neither
    is that.
    """
    if text is None or log_text == "full":
        return clean_or_none(text)
    return clean(redact(text.partition(": ")[0] if log_text == "none" else text)[:ERROR_CHARS])


def _kept(text: str, log_text: LogText) -> str:
    return clean(text if log_text == "full" else _redact_json(text))


def _redact_json(text: str) -> str:
    try:
        return json.dumps(_redact_value(json.loads(text)))
    except RecursionError:  # too deeply nested to be walked
        return redact(text)


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(name): _redact_value(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_redact_value(held) for held in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**6:
        return redact(str(value))
    return value


def _mask_url(found: re.Match[str]) -> str:
    """Mask who logs in and what is asked for; keep the host and the path."""
    place, mark, _ = re.split(r"([?#])", found[1] + "?", maxsplit=1)
    asked = "" if place == found[1] else f"{mark}[query]"
    authority, slash, path = place.partition("/")
    _, at, host = authority.rpartition("@")
    return f"://{'[credentials]@' if at else ''}{host}{slash}{path}{asked}"


def _mask_token(found: re.Match[str]) -> str:
    """Mask a long run that starts like a known key or mixes letters and digits as a secret does."""
    run = found[0]
    mixed = len(run) >= _SECRET_CHARS and re.search(r"\d", run) and re.search(r"[A-Za-z]", run)
    readable = all(len(word) < 12 or word.isalpha() for word in re.split(r"[-_./+=]", run))
    return "[key]" if _KEY_PREFIX.match(run) or (mixed and not readable) else run


def _mask_address(found: re.Match[str]) -> str:
    run = found[0].rstrip(".:")
    try:
        ipaddress.ip_address(run)
    except ValueError:
        return found[0]
    return "[ip]" + found[0][len(run) :]
