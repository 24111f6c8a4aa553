"""The splitting rules of the scheme `words-2`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

import numpy as np

from sentiline.tokenizer.addresses import MENTION, URL, mark_addresses
from sentiline.tokenizer.constants import Spans
from sentiline.tokenizer.edited_text import EditedText
from sentiline.tokenizer.emoji import EMOJI, EMOJI_IN_EVERY_VOCABULARY, JOINER_OUTSIDE_EMOJI
from sentiline.tokenizer.emoticons import EMOTICONS, mark_emoticons, mark_kaomoji
from sentiline.tokenizer.hashtags import open_hashtags
from sentiline.tokenizer.markup import blank_tags, decode_entities
from sentiline.tokenizer.ratings import RATING_CLASSES, STARS, mark_ratings, mark_star_runs
from sentiline.tokenizer.spelling import EMOJI_CLASS, NUMBER
from sentiline.tokenizer.words1 import MARK, lower

MASK = "****"
PUNCTUATION = (".", ",", ";", "!", "!!", "?", "??", "?!", "...")
CLASSES = (URL, MENTION, NUMBER, EMOJI_CLASS, MASK, *RATING_CLASSES)
IN_EVERY_VOCABULARY = (*CLASSES, *PUNCTUATION, *EMOTICONS, *EMOJI_IN_EVERY_VOCABULARY)
"""The tokens that a vocabulary holds however rare they are in its texts."""

# Classes and emoticons are found first and take the text's place as a character of private use, and another one as often
# as it takes to keep the length. Such characters in a raw text are blanked, so no text can spell a class.
_PRIVATE = {name: chr(0xE000 + index) for index, name in enumerate((*CLASSES, *EMOTICONS, "\U0001f937"))}
_NAMES = {char: name for name, char in _PRIVATE.items()}
_FILLER = "\uf8ff"

# As in `words1`, one capturing group around the token makes re.split() return gap, token, gap, …, gap, and the first line
# finds the most common words at once.
_TOKEN = re.compile(
    rf"""(
    (?!\ )(?:
      [a-z]++(?=[ .,!?])
    | [,;]
    | [.\u2026]{{2,}} | \u2026 | \.(?![^\W_])
    | [0-9\#*]\ufe0f?\u20e3
    | \d+(?:[.,:/-]\d+)+
    | [^\W_]++(?:[{MARK}]+[^\W_]*)*(?:'[^\W_]+)*
    | [!?\u203c\u2047-\u2049\uff01\uff1f]+
    | [\ue000-\ue0ff]\uf8ff*
    | {EMOJI}
    ))""",
    re.VERBOSE,
)

_APOSTROPHES = "\u2019\u2018\u201b\u02bc\u02bb\u02b9\u02bd\u02c8\ua78c\uff07\u055a\u05f3\u1fbf\u1fbd\u0091\u0092"
_LOOKALIKE = re.compile(r"(?<=[^\W_])[`\u00b4\u2032\u2035\uff40\u02ca\u02cb\u0384](?=[^\W_])")
_DETACHED = re.compile(r"(?<=[a-z]) (?=n't\b|'(?:s|m|re|ve|ll|d)\b)|(?<=n) (?='t\b)|(?<=[a-z]n) ' (?=t\b)")
_ESCAPE = re.compile(r"\\+(?=['\"])")
_INVISIBLE = re.compile(
    rf"[\u00ad\u200b\u200c\u2060\ufeff]+|{JOINER_OUTSIDE_EMOJI}|(?<=[^\W_])[\ufe00-\ufe0f]+(?=[^\W_])"
)
_RARE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff\ufe00-\ufe0f\ue000-\uf8ff]")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_MASKED = re.compile(
    r"(?<![\w*/])(?:\*{3,}|[a-z]{1,4}\*{2,}[a-z]{0,6}|[a-z]{1,3}\*[a-z]{1,6})(?![\w*/])"  # ****  f***  f*ck
)
_COMPOSED = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


def split(text: str, known: Mapping[str, int] | None = None) -> tuple[list[str], Spans]:
    """Split raw text into tokens and their spans.

    Args:
        text: The raw text, any Unicode.
        known: The ids of the known words in order of frequency, which open lower-case hashtags.

    Returns:
        `(tokens, (starts, ends))`: the n tokens, words in lower case and classes by name, and their spans in the raw text
        as int32 [n].
    """
    edited = normalize(text, known)
    pieces = _TOKEN.split(edited.text)
    edges = np.fromiter(map(len, pieces), np.int64, len(pieces)).cumsum(dtype=np.int32)
    return _named(pieces[1::2], edited.text), edited.original(edges[0:-1:2], edges[1::2])


def words(text: str, known: Mapping[str, int] | None = None) -> list[str]:
    """Return only the tokens of `split`, which is faster."""
    normalized = normalize(text, known).text
    return _named(_TOKEN.findall(normalized), normalized)


def normalize(text: str, known: Mapping[str, int] | None = None) -> EditedText:
    """Return the text in lower case and NFC without markup and invisible characters, with classes marked."""
    edited = EditedText(text)
    ascii_only = text.isascii()
    if not ascii_only:
        edited.apply(_composed(edited.text))
    if "&" in text:
        decode_entities(edited)
        ascii_only = ascii_only and edited.text.isascii()
    if "\\" in edited.text:
        edited.substitute(_ESCAPE, _nothing)
    if not ascii_only:
        _simplify(edited)
    if "`" in edited.text or not ascii_only:
        edited.text = _LOOKALIKE.sub("'", edited.text)
    if "<" in edited.text:
        edited.text = blank_tags(edited.text)
    if "#" in edited.text or "\uff03" in edited.text:
        open_hashtags(edited, known)
    edited.text = lower(edited.text)
    if " '" in edited.text or " n't" in edited.text:
        edited.substitute(_DETACHED, lambda match: "'" if "'" in match[0] else "")
    edited.text = _mark_classes(edited.text, ascii_only=ascii_only)
    return edited


def _mark_classes(text: str, *, ascii_only: bool) -> str:
    text = mark_addresses(text, _mark)
    if not ascii_only:
        if any(star in text for star in STARS):
            text = mark_star_runs(text, _mark)
        text = mark_kaomoji(text, _mark)
    text = mark_ratings(text, _mark)
    text = mark_emoticons(text, _mark)
    if "*" in text:
        text = _MASKED.sub(lambda match: _mark(MASK, len(match[0])), text)
    if "rb-" in text:  # the brackets of the Penn Treebank
        text = text.replace("-lrb-", "     ").replace("-rrb-", "     ")
    return text


def _simplify(edited: EditedText) -> None:
    """Drop invisible characters, compose again what they parted, and make apostrophes plain."""
    for apostrophe in _APOSTROPHES:
        edited.text = edited.text.replace(apostrophe, "'")
    if _RARE.search(edited.text):
        edited.text = _PRIVATE_USE.sub(" ", edited.text)
        edited.substitute(_INVISIBLE, _nothing)
        edited.apply(_composed(edited.text))


def _composed(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that bring a text into NFC, each as small as possible."""
    if unicodedata.is_normalized("NFC", text):
        return
    for run in _COMPOSED.finditer(text):  # an ASCII character never composes with what precedes it
        if unicodedata.is_normalized("NFC", run[0]):
            continue
        start, position = run.start(), run.start() + 1
        while position <= run.end():
            if position == run.end() or not _joins(text[start:position], text[position]):
                cluster = text[start:position]
                composed = unicodedata.normalize("NFC", cluster)
                if composed != cluster:
                    yield start, position, composed
                start = position
            position += 1


def _joins(cluster: str, char: str) -> bool:
    """Return whether NFC may join a character to the characters before it."""
    if unicodedata.combining(char):
        return True
    together = unicodedata.normalize("NFC", cluster + char)
    return together != unicodedata.normalize("NFC", cluster) + unicodedata.normalize("NFC", char)


def _mark(name: str, length: int) -> str:
    return _PRIVATE[name] + _FILLER * (length - 1)


def _named(tokens: list[str], text: str) -> list[str]:
    """Return the tokens with the names of classes in place of the characters that mark them."""
    if text.isascii():
        return tokens
    return [_NAMES.get(token[0], token) for token in tokens]


def _nothing(_: re.Match[str]) -> str:
    return ""
