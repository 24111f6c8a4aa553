"""URLs, e-mail addresses and @mentions in texts."""

from __future__ import annotations

import re
from collections.abc import Callable

from sentiline.tokenizer.search import find_between

URL, MENTION = "<url>", "<mention>"

_TAIL = r"[^\s<>\"]*[^\s<>\".,!?;:')\]}\u2019\u201d\u2026]"
_URL = re.compile(rf"(?:(?:https?|ftp)://|www\.){_TAIL}")
_SCHEMES = ("https", "http", "ftp")
_DOMAIN = re.compile(rf"\.(?:(?:com|org|net)(?![\w-])(?:/{_TAIL})?|(?:[a-z]{{2,4}}|co\.[a-z][a-z])/{_TAIL})")
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_DOT_INSIDE = re.compile(r"\.[a-z]")
_HOST_BEFORE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*$")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]+\.)+[a-z]{2,}(?!\w)")

# An @mention is a token by itself; "@ 5pm" and "@5pm" are none.
MENTION_TOKEN = r"(?<![^\W_])@(?!\d+(?:[ap]m)?(?!\w))\w{1,50}"


def mark_addresses(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace every URL and e-mail address in a lower-cased text; see `mark_ratings`."""

    def url(match: re.Match[str]) -> str:
        return mark(URL, len(match[0]))

    if "/" in text and "://" in text:
        text = _mark_urls(text, "://", mark)
    if "@" in text and find_between(text, "@", before=_HOST_CHARACTERS, after=_HOST_CHARACTERS):
        text = _EMAIL.sub(url, text)
    if _DOT_INSIDE.search(text):
        if "www." in text:
            text = _mark_urls(text, "www.", mark)
        return _mark_domains(text, mark)
    return text


def _mark_urls(text: str, sign: str, mark: Callable[[str, int], str]) -> str:
    pieces: list[str] = []
    position = 0
    for place in find_between(text, sign):
        scheme = next((name for name in _SCHEMES if text.endswith(name, 0, place)), "") if sign == "://" else ""
        start = place - len(scheme)
        if start >= position and (match := _URL.match(text, start)):
            pieces += text[position:start], mark(URL, len(match[0]))
            position = match.end()
    return "".join([*pieces, text[position:]])


def _mark_domains(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace addresses without a scheme, such as "example.com/page"."""
    pieces: list[str] = []
    position = 0
    for match in _DOMAIN.finditer(text):
        host = _HOST_BEFORE.search(text, max(position, match.start() - 63), match.start())
        if host:
            pieces += text[position : host.start()], mark(URL, match.end() - host.start())
            position = match.end()
    return "".join([*pieces, text[position:]])
