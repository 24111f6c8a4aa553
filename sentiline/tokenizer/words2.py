"""The splitting rules of the scheme `words-2`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

from sentiline.tokenizer.addresses import MENTION, MENTION_TOKEN, URL, mark_addresses
from sentiline.tokenizer.constants import Spans
from sentiline.tokenizer.edited_text import EditedText
from sentiline.tokenizer.emoji import EMOJI, EMOJI_IN_EVERY_VOCABULARY, JOINER_OUTSIDE_EMOJI
from sentiline.tokenizer.emoticons import EMOTICONS, SIGNS, mark_emoticons, mark_kaomoji
from sentiline.tokenizer.hashtags import HashtagOpener, open_at_capitals
from sentiline.tokenizer.markup import blank_tags, decode_entities
from sentiline.tokenizer.ratings import RATING_CLASSES, mark_ratings, mark_star_runs
from sentiline.tokenizer.search import find_between
from sentiline.tokenizer.spelling import EMOJI_CLASS, NUMBER
from sentiline.tokenizer.words1 import MARK, lower

MASK = "****"
PUNCTUATION = (".", ",", ";", "!", "!!", "?", "??", "?!", "...")
CLASSES = (URL, MENTION, NUMBER, EMOJI_CLASS, MASK, *RATING_CLASSES)
IN_EVERY_VOCABULARY = (*CLASSES, *PUNCTUATION, *EMOTICONS, *EMOJI_IN_EVERY_VOCABULARY)
"""The tokens that a vocabulary holds however rare they are in its texts."""

# Classes and emoticons are found first and take the text's place as a character of private use, and another one as
# often as it takes to keep the length. Such characters in a raw text are blanked, so no text can spell a class.
_PRIVATE = {name: chr(0xE000 + index) for index, name in enumerate((*CLASSES, *EMOTICONS, "\U0001f937"))}
_NAMES = {char: name for name, char in _PRIVATE.items()}
_FILLER = "\uf8ff"

# As in `words1`, one capturing group around the token makes re.split() return gap, token, gap, …, gap, and the first
# line finds the most common words at once.
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
    | {MENTION_TOKEN}
    ))""",
    re.VERBOSE,
)

# Read as the plain apostrophe, which is a token nowhere, whether between letters or not.
_APOSTROPHES = (
    "`\u00b4\u2019\u2018\u201b\u2032\u2035\u02bc\u02bb\u02b9\u02bd\u02c8\u02ca\u02cb\u0384\ua78c\uff07\uff40\u055a\u05f3"
    "\u1fbf\u1fbd\u0091\u0092"
)
_DETACHED = re.compile(r"(?<=[a-z]) (?=n't\b|'(?:s|m|re|ve|ll|d)\b)|(?<=n) (?='t\b)")

_ESCAPED_QUOTE = re.compile(r"\\+(?=['\"])")
_ESCAPED_SPACE = re.compile(r"\\[nrt](?![a-z])|(?<=[.!?,;)\s])\\[nrt]")  # a line end as JSON and Python write it
_INVISIBLE = re.compile(
    rf"[\u00ad\u200b\u200c\u2060\ufeff]+|{JOINER_OUTSIDE_EMOJI}|(?<=[^\W_])[\ufe00-\ufe0f]+(?=[^\W_])"
)
_RARE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff\ufe00-\ufe0f\ue000-\uf8ff]")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_MASKED = re.compile(
    r"(?<![\w*/])(?:\*{3,}|[a-z]{1,4}\*{2,}[a-z]{0,6}|[a-z]{1,3}\*[a-z]{1,6})(?![\w*/])"  # ****  f***  f*ck
)
_LETTERS_BEFORE = 5
_COMPOSED = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


def split(text: str, open_hashtags: HashtagOpener = open_at_capitals) -> tuple[list[str], Spans]:
    """Split raw text into tokens and their spans.

    Args:
        text: The raw text, any Unicode.
        open_hashtags: Returns the edits that part the words of hashtags.

    Returns:
        `(tokens, (starts, ends))`: the n tokens, words in lower case and classes by name, and their spans in the raw
        text as int32 [n].
    """
    edited = normalize(text, open_hashtags)
    marked = _mark_classes(edited.text)
    pieces = _TOKEN.split(marked)
    edges = np.fromiter(map(len, pieces), np.int64, len(pieces)).cumsum(dtype=np.int32)
    tokens = pieces[1::2] if marked == edited.text else _named(pieces[1::2])
    return tokens, edited.original(edges[0:-1:2], edges[1::2])


def words(text: str, open_hashtags: HashtagOpener = open_at_capitals) -> list[str]:
    """Return only the tokens of `split`, which is faster."""
    normalized = normalize(text, open_hashtags).text
    marked = _mark_classes(normalized)
    tokens: list[str] = _TOKEN.findall(marked)
    return tokens if marked == normalized else _named(tokens)


def normalize(text: str, open_hashtags: HashtagOpener = open_at_capitals) -> EditedText:
    """Return the text in lower case and NFC without markup and invisible characters."""
    edited = EditedText(text)
    ascii_only = text.isascii()
    if not ascii_only:
        edited.apply(_composed(edited.text))
    if "<" in edited.text:
        edited.text = blank_tags(edited.text)
    if "&" in edited.text and decode_entities(edited):
        ascii_only = ascii_only and edited.text.isascii()
        edited.text = blank_tags(edited.text)  # &lt;br /&gt;
    if "\\" in edited.text:
        edited.text = _ESCAPED_SPACE.sub("  ", edited.text)
        edited.substitute(_ESCAPED_QUOTE, _nothing)
    if not ascii_only:
        _simplify(edited)
    elif "`" in edited.text:
        edited.text = edited.text.replace("`", "'")
    if "#" in edited.text:
        edited.apply(open_hashtags(edited.text))
    edited.text = lower(edited.text)
    if "'" in edited.text:
        edited.apply(_attached(edited.text))
    if "-" in edited.text and "rb-" in edited.text:  # the brackets of the Penn Treebank
        edited.text = edited.text.replace("-lrb-", "     ").replace("-rrb-", "     ")
    return edited


def _mark_classes(text: str) -> str:
    """Return a text of the same length in which addresses, ratings, emoticons and masked words are marked."""
    if "." in text or "/" in text or "@" in text:
        text = mark_addresses(text, _mark)
    if not text.isascii():
        text = mark_kaomoji(mark_star_runs(text, _mark), _mark)
    if "/" in text or "*" in text or "star" in text or " out of " in text:
        text = mark_ratings(text, _mark)
    if any(map(text.__contains__, SIGNS)):
        text = mark_emoticons(text, _mark)
    return _mark_masked(text) if "*" in text else text


def _mark_masked(text: str) -> str:
    """Mark runs of asterisks, and words of which asterisks hide letters."""
    pieces: list[str] = []
    position = 0
    for place in find_between(text, "*"):
        start = place
        while start > position and place - start < _LETTERS_BEFORE and text[start - 1].islower():
            start -= 1
        if start >= position and (match := _MASKED.match(text, start)):
            pieces += text[position:start], _mark(MASK, match.end() - start)
            position = match.end()
    return "".join([*pieces, text[position:]])


def _simplify(edited: EditedText) -> None:
    """Drop invisible characters, compose again what they parted, and make apostrophes plain."""
    for apostrophe in _APOSTROPHES:
        edited.text = edited.text.replace(apostrophe, "'")
    if _RARE.search(edited.text):
        edited.text = _PRIVATE_USE.sub(" ", edited.text)
        edited.substitute(_INVISIBLE, _nothing)
        edited.apply(_composed(edited.text))


def _attached(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that attach contractions as the Penn Treebank writes them, such as "is n't" and "it 's"."""
    apostrophe = text.find("'")
    while apostrophe > 0:
        before = text[apostrophe - 1]
        if before == " " or (before == "n" and text[apostrophe - 2] == " "):
            start = apostrophe - (1 if before == " " else 2)
            if _DETACHED.match(text, start):
                yield start, start + 1, ""
        apostrophe = text.find("'", apostrophe + 1)


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


def _named(tokens: list[str]) -> list[str]:
    """Return the tokens with the names of classes in place of the characters that mark them."""
    return [_NAMES.get(token[0], token) for token in tokens]


def _nothing(_: re.Match[str]) -> str:
    return ""
