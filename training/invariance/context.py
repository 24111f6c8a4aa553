"""What may stand beside a text without changing its verdict: neutral sentences, hashtags, addresses, mentions."""

from __future__ import annotations

import random
from functools import cache

from training.composition import generate_family

_HASHTAGS = ("film", "review", "monday", "london", "books", "travel", "food", "work", "photo", "news", "2024", "tech")
_ACCOUNTS = (
    "user",
    "anna",
    "shop_uk",
    "BBCNews",
    "tom77",
    "support",
    "city_hotel",
    "reader",
    "MaxMuller",
    "the_garage",
)


@cache
def neutral_sentences() -> tuple[str, ...]:
    """Return several hundred different sentences without an opinion."""
    return tuple(dict.fromkeys(sentence.text for sentence in generate_family("neutral", 600)))


def add_neutral_before(text: str, rng: random.Random) -> str | None:
    """Put a neutral sentence before the text."""
    sentence = rng.choice(neutral_sentences())
    return f"{sentence if sentence[-1] in '.?!' else sentence + '.'} {text}"


def add_neutral_after(text: str, rng: random.Random) -> str | None:
    """Put a neutral sentence after the text."""
    return f"{text if text.rstrip()[-1:] in tuple('.?!') else text + '.'} {rng.choice(neutral_sentences())}"


def add_hashtag(text: str, rng: random.Random) -> str | None:
    """Append a hashtag without a sentiment."""
    return f"{text} #{rng.choice(_HASHTAGS)}"


def add_address(text: str, rng: random.Random) -> str | None:
    """Put a mention before the text, or a web address before or after it."""
    name = rng.choice(_ACCOUNTS)
    if rng.random() < 0.5:
        return f"@{name} {text}"
    url = f"https://{rng.choice(['t.co', 'www.example.com', 'example.org/news'])}/{rng.getrandbits(32):x}"
    return f"{url} {text}" if rng.random() < 0.4 else f"{text} {url}"
