"""Sentence boundaries of a raw text, by rules for English as people type it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentiline.tokenizer.words1 import TAG

# One alternative per kind of place where a sentence may end; `_ends` decides whether it does.
_PLACE = re.compile(
    r"""
      (?P<hard></?(?:br|p|div|li|ul|ol|tr|blockquote|h[1-6]|hr)\b[^<>]{0,200}>)     # a break in HTML
    | (?P<blank>\n(?:[^\S\n]*\n)+)                                                    # an empty line
    | (?P<newline>\n)
    | (?P<stop>[.!?\u2026\u203c\u2047-\u2049]+)
      (?P<closers>["'\u201d\u2019\u00bb)\]}*_\u200d\ufe0f\u2600-\u27bf\U0001f300-\U0001faff]*)  # emoji close too
    | (?P<wide>[\u3002\uff01\uff1f\u061f\u06d4\u0964\u0965]+["'\u201d\u2019\u00bb)\]}\u300d\u300f]*)  # no space after
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MAYBE = re.compile(r"[<\n.!?\u2026\u203c\u2047-\u2049\u3002\uff01\uff1f\u061f\u06d4\u0964\u0965]")
"""The first characters of all alternatives of `_PLACE`; searching for these first takes a fraction of the time."""

_WORD_BEFORE = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'\u2019](?=[^\W\d_])){0,30}$")
_NUMBER_ALONE = re.compile(r"[\s(]*\d{1,2}")
_NEXT = re.compile(r"[\s\"'\u201c\u2018\u00ab(\[{*_]*(\S?)")
_NEXT_WORD = re.compile(r"\W*(\w*)")
_SPACE = re.compile(r"\s+")
_ADDRESS = re.compile(r"\w+\.\w")

_NEVER = frozenset({
    "mr", "mrs", "ms", "mx", "dr", "prof", "rev", "fr", "sen", "rep", "gov", "gen", "col", "capt", "cpt", "lt",
    "sgt", "cmdr", "hon", "pres", "st", "mt", "messrs", "mme", "mlle", "e.g", "i.e", "eg", "ie", "cf", "vs",
    "viz", "al", "approx",
})  # fmt: skip
"""Abbreviations that never end a sentence."""

_QUOTES = frozenset("\"'\u201d\u2019\u00bb)]}")
_BEFORE_NUMBER = frozenset({
    "no", "nos", "vol", "ep", "eps", "pt", "ch", "p", "pp", "fig", "sec", "art", "nr", "op",
})  # fmt: skip
_MIDWAY = frozenset({
    "etc", "jr", "sr", "inc", "ltd", "co", "corp", "bros", "dept", "est", "a.m", "p.m", "am", "pm", "b.c",
    "a.d", "min", "hr", "hrs", "ft", "lb", "lbs", "oz",
})  # fmt: skip
"""Abbreviations that end a sentence if a capital letter follows."""

_OPENERS = frozenset({
    "the", "a", "an", "it", "its", "he", "she", "they", "we", "you", "this", "that", "these", "those", "there",
    "his", "her", "their", "our", "my", "your", "but", "and", "so", "yet", "or", "if", "when", "while", "what",
    "why", "how", "who", "in", "on", "at", "for", "as", "after", "before", "then", "now", "not", "no", "one",
    "some", "all", "most", "with",
})  # fmt: skip
"""Words that, capitalised, begin a sentence even after initials such as "U.S."; the pronoun "I" does too."""


def sentence_spans(text: str, tags: re.Pattern[str] = TAG) -> list[tuple[int, int]]:
    """Split a text into sentences.

    A sentence ends at `.`, `!`, `?`, an ellipsis or a run of them with the quotes and brackets that close after it; at
    an HTML break such as `<br />`; at an empty line; and at a line end, unless the next line begins in lower case. A
    sentence does not end at full stops of abbreviations, initials, numbers and addresses, at an ellipsis before a
    lower-case letter, or at a quotation in its middle (`"Why?" he asked.`).

    Args:
        text: The raw text, any Unicode.
        tags: The markup that surrounds sentences, as the tokenizer has it.

    Returns:
        `(start, end)` of each sentence in order, in code points, without surrounding white space and markup. They do
        not overlap, and only white space and markup lies between them. The list is empty if the text has nothing else.

    Example:
        >>> text = "Mr. Hart gave it 7.5... why?! <br />I'd say 'ten.' Go."
        >>> [text[start:end] for start, end in sentence_spans(text)]
        ['Mr. Hart gave it 7.5... why?!', "I'd say 'ten.'", 'Go.']
    """
    spans = []
    start = 0
    for place in _places(text):
        if _ends(text, start, place):
            spans.append(_trim(text, start, place.end(), tags))
            start = place.end()
    spans.append(_trim(text, start, len(text), tags))
    return [(first, last) for first, last in spans if first < last]


def _places(text: str) -> Iterator[re.Match[str]]:
    """Yield the same matches as `_PLACE.finditer(text)`, only faster."""
    after = 0
    for maybe in _MAYBE.finditer(text):
        if maybe.start() >= after and (place := _PLACE.match(text, maybe.start())):
            yield place
            after = place.end()


def _ends(text: str, start: int, place: re.Match[str]) -> bool:
    """Return whether the sentence that began at `start` ends at this place."""
    match place.lastgroup:
        case "hard" | "blank" | "wide":
            return True
        case "newline":
            return not text[place.end() : place.end() + 80].lstrip()[:1].islower()
    after = place.end()
    rest = text[after : after + 80]  # enough for the openers and the next word
    if not rest:
        return True
    stop, closers = place["stop"], place["closers"]
    following = _NEXT.match(rest)
    first = following[1] if following else ""
    if not rest[0].isspace():
        return rest[0] == "<" or (not closers and _joined(text[max(start, place.start() - 3) : place.start()], rest))
    if first.islower() and not _QUOTES.isdisjoint(closers):
        return False  # "Why?" he asked
    if "!" in stop or "?" in stop or stop[0] in "\u203c\u2047\u2048\u2049":
        return True
    if len(stop) > 1 or stop == "\u2026":
        return not first.islower()
    return _full_stop_ends(text[max(start, place.start() - 40) : place.start()], rest, first)


def _full_stop_ends(before: str, rest: str, first: str) -> bool:
    """Return whether a single full stop followed by white space ends a sentence.

    Args:
        before: The last characters of the sentence before the full stop.
        rest: The text after the full stop, beginning with white space.
        first: The first character of `rest` that is neither white space nor an opening quote or bracket.
    """
    if _NUMBER_ALONE.fullmatch(before):
        return False  # "1. The acting": the number of a list item
    found = _WORD_BEFORE.search(before)
    if found is None:
        return True
    word = found[0]
    lowered = word.lower()
    if lowered in _NEVER:
        return False
    if lowered in _BEFORE_NUMBER and first.isdigit():
        return False
    if lowered in _MIDWAY:
        return not first.islower() and not first.isdigit() and first not in ",;:)"
    initials = all(len(part) == 1 for part in word.split("."))
    if initials and (len(word) > 1 or (word.isupper() and word != "I")):
        following = _NEXT_WORD.match(rest)
        return following is not None and (following[1] == "I" or (first.isupper() and following[1].lower() in _OPENERS))
    return True


def _joined(before: str, rest: str) -> bool:
    """Return whether a stop with no space after it ends a sentence, as in "a good film.The plot".

    Args:
        before: The three characters before the stop.
        rest: The text after the stop.
    """
    words = len(before) == 3 and before.isalpha() and before.islower() and rest[:2].isalpha() and rest[:2].istitle()
    return words and not _ADDRESS.match(rest)  # www.Example.com


def _trim(text: str, start: int, end: int, tags: re.Pattern[str]) -> tuple[int, int]:
    """Return the span without the white space and markup at its ends."""
    while start < end and (edge := _SPACE.match(text, start, end) or tags.match(text, start, end)):
        start = edge.end()
    # From the right, one character or tag at a time, because regular expressions do not run backwards.
    while start < end:
        if text[end - 1].isspace():
            end -= 1
        elif (
            text[end - 1] == ">" and (opened := text.rfind("<", start, end)) >= 0 and tags.fullmatch(text, opened, end)
        ):
            end = opened
        else:
            break
    return start, end
