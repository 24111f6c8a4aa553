"""What all rewritings share: their type, the words that none may touch, and a choice of one word."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Rewriting = Callable[[str, random.Random], str | None]
"""Returns a text rewritten so that its sentiment stays, or None where it offers no place for the change."""

# A change of these words might turn the sentiment around.
NEGATORS = frozenset(
    re.findall(
        r"\w+",
        """
        not no never nothing nobody none neither nor nowhere without hardly barely scarcely rarely seldom cannot lack
        lacks lacked lacking fail fails failed few little less least anything but however although though yet except
        instead
        would could should wish only unless enough dont didnt doesnt isnt wasnt arent werent wont cant couldnt wouldnt
        shouldnt havent hasnt hadnt aint
        """,
    )
)
_WORD = re.compile(r"(?<![\w'\u2019@#/.])[^\W\d_]+(?![\w'\u2019@/])")


def pick_word(text: str, rng: random.Random, shortest: int = 4) -> re.Match[str] | None:
    """Return a word of letters alone that may be changed; None if there is none.

    Args:
        text: The text.
        rng: The random generator.
        shortest: The fewest letters.
    """
    words = [word for word in _WORD.finditer(text) if len(word[0]) >= shortest and word[0].lower() not in NEGATORS]
    return rng.choice(words) if words else None


def replace_span(text: str, found: re.Match[str], replacement: str) -> str:
    """Return the text with one match replaced."""
    return text[: found.start()] + replacement + text[found.end() :]
