"""Emoticons and kaomoji in texts, and the one spelling under which each kind is read."""

from __future__ import annotations

import re
from collections.abc import Callable

EMOTICONS = (
    ":)", ":(", ":D", ":P", ":O", ":/", ":|", ":*", ":3", ":X", ";)", ":')", ":'(", ">:(", ">:)", "<3", "</3", "D:",
    "xD", "^_^", "-_-", "T_T", "O_O", ">_<", "\\o/", "\\m/",
)  # fmt: skip

SIGNS = (":", ";", "=", "<", "_", "^", "\\", "-.-")
"""Strings of which every emoticon has one."""

_MOUTHS = {
    ")": ")", "]": ")", "}": ")", ">": ")", "(": "(", "[": "(", "{": "(", "<": "(", "c": "(", "d": "D", "p": "P",
    "b": "P", "o": "O", "s": "/", "/": "/", "\\": "/", "|": "|", "*": "*", "3": "3", "x": "X",
}  # fmt: skip
_BRACKET = re.compile(r"[()\[\]{}]")
_OPENING = {")": "(", "]": "[", "}": "{"}
_FACE = re.compile(
    r"(?P<brows>>?)(?P<eyes>[:;=])(?P<tear>[',]?)(?P<nose>[-^~o]?)"
    r"(?P<mouth>\)+|\(+|\]+|\[+|d+|p+|[}{<>cbosx3/\\|*])(?![^\W_])"
)
_AFTER_EYES = frozenset("()[]{}<>dpbosx3c/\\|*-^~',")
_BESIDE_LINE = frozenset("^-tqu;o0<_")  # the right eye of ^_^
_BEFORE_REVERSED = frozenset("()'-")
_REVERSED = re.compile(r"(?<!\S)(?P<mouth>[()])(?P<nose>-?)(?P<tear>'?)(?P<eyes>[:;=])(?=[\s.,!?]|$)")
_HEART = re.compile(r"<(?P<broken>/?)3+(?![\d.,])")
_DISMAY = re.compile(
    r"(?<![^\s.,!?])[Dd]:(?=\s*(?:$|\n|[Dd]:)|\s+[:;=^\ue000-\ue0ff]|<)"
)  # only where a list item is unlikely
_ARMS = re.compile(r"(?<!\S)\\(?P<kind>[om])/(?!\w)")
_EYES = (
    (re.compile(r"(?<![\w^])[(]?\^[_.o-]?\^;?[)]?(?![\w^])"), "^_^"),
    (re.compile(r"(?<![\w-])[(]?-[_.]+-;?[)]?(?![\w-])"), "-_-"),
    (re.compile(r"(?<![\w;])[(]?(?:t_+t|;_+;|q_+q|u_+u)[)]?(?![\w;])"), "T_T"),
    (re.compile(r"(?<!\w)[(]?(?:o_+o|0_+0|o\.o)[)]?(?!\w|\.\w)"), "O_O"),
    (re.compile(r"(?<!\S)[(]?>[_.]+<[)]?(?!\w)"), ">_<"),
)
_KAOMOJI_SIGN = re.compile("[\u00af\u256f\u0ca0\u0295\u25d5\u2022\uff61\u1d54\u2267\u25cf]")
_KAOMOJI = (
    (re.compile(r"\u00af\\{0,2}_?\(\u30c4\)_?/\u00af"), "\U0001f937"),
    (re.compile("[(\uff08]\u256f[^()\uff08\uff09\\s]{1,6}[)\uff09]\u256f ?\ufe35? ?\u253b\u2501\u253b"), ">:("),
    (re.compile("\u0ca0_+\u0ca0"), "-_-"),
    (re.compile("\u0295\\S{1,4}\u0294"), "^_^"),
    (
        re.compile(
            "[(\uff08][^()\\s\\w]{0,3}[\u25d5\u2022\uff61\u1d54^\u2267\u2032\u00b4'\u25cf][^()\\s]{1,3}"
            "[\u25d5\u2022\uff61\u1d54^\u2266`\u25cf][^()\\s\\w]{0,3}[)\uff09]"
        ),
        "^_^",
    ),
)

Mark = Callable[[str, int], str]


def mark_emoticons(text: str, mark: Mark) -> str:
    """Replace every emoticon in a lower-cased text.

    Args:
        text: The text in lower case.
        mark: Called with an emoticon of `EMOTICONS` and the length of what was written; its result, of that length,
            takes the place.
    """

    def face(match: re.Match[str]) -> str:
        read = _read_face(text, match)
        return match[0] if read is None else mark(read, len(match[0]))

    def reversed_face(match: re.Match[str]) -> str:
        if match["mouth"] == ")" and _unmatched(text, match.start(), "(", ")"):
            return match[0]
        tear = "'" if match["tear"] else ""
        mouth = "(" if match["mouth"] == ")" else ")"
        eyes = ";" if match["eyes"] == ";" and mouth == ")" and not tear else ":"
        return mark(f"{eyes}{tear}{mouth}", len(match[0]))

    def always(read: str) -> Callable[[re.Match[str]], str]:
        return lambda match: mark(read, len(match[0]))

    for eyes in ":;=":
        if eyes in text:
            before, after = _neighbours(text, eyes)
            if not _BEFORE_REVERSED.isdisjoint(before):
                text = _REVERSED.sub(reversed_face, text)
            if not _AFTER_EYES.isdisjoint(after):
                text = _FACE.sub(face, text)
            if eyes == ":" and "d" in before:
                text = _DISMAY.sub(always("D:"), text)
    if "<" in text and ("<3" in text or "</3" in text):
        text = _HEART.sub(lambda match: mark("</3" if match["broken"] else "<3", len(match[0])), text)
    if "\\" in text and "/" in text:
        text = _ARMS.sub(lambda match: mark(f"\\{match['kind']}/", len(match[0])), text)
    if "^" in text or "-.-" in text or ">.<" in text or not _BESIDE_LINE.isdisjoint(_neighbours(text, "_")[1]):
        for pattern, read in _EYES:
            text = pattern.sub(always(read), text)
    return text


def mark_kaomoji(text: str, mark: Mark) -> str:
    """Replace every kaomoji, as `mark_emoticons` does; all of them have characters beyond ASCII."""
    if _KAOMOJI_SIGN.search(text):
        for pattern, read in _KAOMOJI:
            text = pattern.sub(lambda match, read=read: mark(read, len(match[0])), text)  # type: ignore[misc]
    return text


def _read_face(text: str, match: re.Match[str]) -> str | None:
    """Return the emoticon, or None if the characters only happen to look like one."""
    start, end = match.span()
    mouth = match["mouth"]
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    attached = before.isalnum() or before == "_"
    shape = _MOUTHS[mouth[0]]
    bracket = mouth[0] in "()[]{}"
    if attached:  # "great:)" is a smiley, "(see below:)", "options:d", "c:\\" and "a=(b)" are none
        if not bracket or match["brows"]:
            return None
        if mouth[0] in _OPENING:
            if _unmatched(text, start, _OPENING[mouth[0]], mouth[0]):
                return None
        elif _closes(text, end):
            return None
    if before == ":" or (not bracket and (before in "/\\=<>&|" or after in "/\\=|:*&<>" or before == after == '"')):
        return None
    if mouth[0] == "3" and text[max(0, start - 2) : start].strip().isdigit():
        return None
    if match["brows"]:
        return ">:)" if shape == ")" else ">:("
    if match["tear"] and shape in "()":
        return f":'{shape}"
    wink = match["eyes"] == ";" and shape in ")DP"
    return ";)" if wink else f":{shape}"


def _neighbours(text: str, char: str) -> tuple[str, str]:
    """Return the characters before and those after all occurrences of a character."""
    before = after = ""
    position = text.find(char)
    while position >= 0:
        before += text[position - 1 : position]
        after += text[position + 1 : position + 2]
        position = text.find(char, position + 1)
    return before, after


def _unmatched(text: str, position: int, opening: str, closing: str) -> bool:
    """Return whether a bracket that opened shortly before the position is still open."""
    before = max(0, position - 300)
    return text.rfind(opening, before, position) > text.rfind(closing, before, position)


def _closes(text: str, position: int) -> bool:
    """Return whether the next bracket after the position closes."""
    found = _BRACKET.search(text, position, position + 300)
    return found is not None and found[0] in ")]}"
