"""How a sentence is written: contractions, apostrophes, case, punctuation, treebank spelling, opening words, emoji."""

from __future__ import annotations

import random
import re

from training.composition.expansion import NEGATIVE_START, POSITIVE_START, SPAN_END
from training.composition.sentence import Span
from training.data.review import NEGATIVE, POSITIVE, Label

MARKS = f"{POSITIVE_START}{NEGATIVE_START}{SPAN_END}"
CHEERFUL = (":)", ":-)", ":D", "<3", "😊", "😍", "👍", "❤️", "🎉", "😀", "🥰", "⭐⭐⭐⭐⭐", "=)", "🙌")
GLOOMY = (":(", ":-(", ":/", "😡", "👎", "😞", "💔", "🤮", "😠", "😢", "=(", "🙄", "😤", "🤬")
_OPENINGS = (
    "honestly, ", "to be honest, ", "well, ", "I must say, ", "in short, ", "overall, ", "so, ", "as for me, ",
    "all things considered, ", "for what it's worth, ", "in my opinion, ", "update: ", "long story short, ",
    "frankly, ", "no doubt about it, ", "just to let you know, ", "second visit: ", "for the record, ",
)  # fmt: skip
_ENDINGS = (
    ", to be honest",
    ", if you ask me",
    ", that's for sure",
    ", just saying",
    ", I have to say",
    " in my book",
    ", really",
)
_PROPER = re.compile(rf"[{MARKS}]*(?:I\b|[A-Z])")
_SENTENCE_START = re.compile(rf"(^[{MARKS}]*|[.!?]+ +[{MARKS}]*)([a-z])")


def write(text: str, label: Label | None, rng: random.Random, *, framed: bool) -> tuple[str, tuple[Span, ...]]:
    """Return a sentence as somebody might write it, and its spans.

    Args:
        text: The sentence with marks for spans, without a capital at its beginning.
        label: Its sentiment, with which an emoji agrees.
        rng: The random generator.
        framed: Whether opening and closing phrases suit it.
    """
    if framed and rng.random() < 0.08:
        text = rng.choice(_OPENINGS) + text
    if framed and rng.random() < 0.05 and text.endswith("."):
        text = f"{text[:-1]}{rng.choice(_ENDINGS)}."
    text = _contractions(text, rng)
    style = rng.random()
    if style < 0.08:
        text = _treebank(text)
    elif style < 0.22:
        text = text.lower()
    else:
        text = _SENTENCE_START.sub(lambda start: start[1] + start[2].upper(), text)
        if style < 0.24:
            text = re.sub(r"(?<![\w'\u2019])[a-z]", lambda letter: letter[0].upper(), text)
        elif style < 0.255:
            text = text.upper()
    text = _final_punctuation(text, label, rng)
    if label is not None and rng.random() < 0.04:
        text = f"{text} {rng.choice(CHEERFUL if label == POSITIVE else GLOOMY)}"
    return extract_spans(text)


def extract_spans(text: str) -> tuple[str, tuple[Span, ...]]:
    """Remove the marks of spans from a text; return it with the spans, which never begin or end at a space."""
    plain: list[str] = []
    spans: list[Span] = []
    opened: tuple[int, Label] | None = None
    for character in text:
        if character in (POSITIVE_START, NEGATIVE_START):
            opened = len(plain), POSITIVE if character == POSITIVE_START else NEGATIVE
        elif character == SPAN_END:
            if opened is not None:
                start, label = opened
                inside = "".join(plain[start:])
                start += len(inside) - len(inside.lstrip())
                spans.append(Span(start, len("".join(plain).rstrip()), label))
        else:
            plain.append(character)
    return "".join(plain), tuple(spans)


def _contractions(text: str, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.25:
        return expand_contractions(text)
    if chance < 0.33:
        return text.replace("'", "\u2019")
    if chance < 0.4:
        return re.sub(r"\b(\w+n)'t\b", r"\1t", text)
    return text


def expand_contractions(text: str) -> str:
    """Write "isn't" as "is not", and the like, except in questions ("isn't it")."""

    def expanded(found: re.Match[str]) -> str:
        whole = {"can't": "cannot", "won't": "will not"}.get(found[0])
        return whole or f"{found[1]} not"

    return re.sub(r"(?<![.!?] )(?<!^)\b(\w+)n['\u2019]t\b", expanded, text)


def _treebank(text: str) -> str:
    """Lower-case, with clitics and punctuation as tokens of their own, as treebanks write."""
    text = re.sub(r"(\w)(n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m))\b", r"\1 \2", text.lower())
    return re.sub(rf"([{MARKS}]*)([,.;:!?]+)(?=[{MARKS}]*(?: |$))", r"\1 \2", text)


def _final_punctuation(text: str, label: Label | None, rng: random.Random) -> str:
    found = re.search(rf"( ?)\.([{MARKS}]*)$", text)
    if found is None:
        return text
    chance = rng.random()
    head, tail = text[: found.start()], found[2]
    if chance < 0.18:
        return head + tail
    if chance < 0.28 and label is not None:
        return f"{head}{found[1]}{rng.choice(['!', '!', '!!', '!!!', '...'])}{tail}"
    return text
