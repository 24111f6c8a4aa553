"""Random mixtures of texts of all lengths, for tests that compare a text's answers in different company."""

from __future__ import annotations

import random

from tests.bundles import WORDS

# Around the lengths at which the padding changes, and around the longest of a short text.
_LENGTHS = (1, 2, 3, 5, 8, 13, 15, 16, 17, 21, 31, 32, 33, 48, 64, 80, 95, 96, 97, 110, 130, 300)


def mixture(count: int, seed: int) -> list[str]:
    """Return texts of 1 to 300 tokens in random order, with unknown words among them."""
    chance = random.Random(seed)
    words = [*WORDS, "zzyzx", "film's", "été", "sooo"]
    return [" ".join(chance.choices(words, k=chance.choice(_LENGTHS))) for _ in range(count)]
