"""URLs, e-mail addresses and @mentions in texts."""

from __future__ import annotations

import re
from collections.abc import Callable

URL, MENTION = "<url>", "<mention>"

_TAIL = r"[^\s<>\"]*[^\s<>\".,!?;:')\]}\u2019\u201d\u2026]"
_URL = re.compile(rf"(?:https?|ftp)://{_TAIL}|(?<![\w@.])www\.{_TAIL}")
_DOMAIN = re.compile(rf"\.(?:com|org|net|edu|gov|info|ly|co\.[a-z][a-z]|co(?=/)|me(?=/)|tv(?=/))(?![\w-])(?:/{_TAIL})?")
_HOST_BEFORE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*$")
_MENTION = re.compile(r"(?<![\w@])[@\uff20](?!\d+(?:[ap]m)?(?!\w))\w{1,50}")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]+\.)+[a-z]{2,}(?!\w)")


def mark_addresses(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace every URL, e-mail address and @mention in a lower-cased text; see `mark_ratings`."""

    def url(match: re.Match[str]) -> str:
        return mark(URL, len(match[0]))

    if "://" in text or "www." in text:
        text = _URL.sub(url, text)
    if "@" in text or "\uff20" in text:
        if "." in text and re.search(r"\w@\w", text):
            text = _EMAIL.sub(url, text)
        text = _MENTION.sub(lambda match: mark(MENTION, len(match[0])), text)
    if any(ending in text for ending in (".com", ".org", ".net", ".co", ".ly", ".edu", ".gov", ".info")):
        return _mark_domains(text, mark)
    return text


def _mark_domains(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace addresses without a scheme, such as "example.com/page"."""
    pieces, position = [], 0
    for match in _DOMAIN.finditer(text):
        host = _HOST_BEFORE.search(text, max(position, match.start() - 63), match.start())
        if host:
            pieces += text[position : host.start()], mark(URL, match.end() - host.start())
            position = match.end()
    return "".join([*pieces, text[position:]])
