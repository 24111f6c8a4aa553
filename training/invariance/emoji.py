"""Emoji and emoticons at the end of a text, which agree or disagree with it."""

from __future__ import annotations

import random

from training.composition.surface import CHEERFUL, GLOOMY
from training.data.review import POSITIVE, Label


def add_agreeing(text: str, label: Label, rng: random.Random) -> str:
    """Append an emoji or emoticon of the text's sentiment: the verdict must not move toward the other one."""
    return f"{text} {rng.choice(CHEERFUL if label == POSITIVE else GLOOMY)}"


def add_disagreeing(text: str, label: Label, rng: random.Random) -> str:
    """Append one of the opposite sentiment: it may move the verdict on a clear text, but must not turn it around."""
    return f"{text} {rng.choice(GLOOMY if label == POSITIVE else CHEERFUL)}"
