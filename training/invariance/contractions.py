"""Contractions written out, and the other way round."""

from __future__ import annotations

import random
import re

from training.composition import expand_contractions

_CONTRACTED = re.compile(
    r"\b(is|are|was|were|do|does|did|has|have|had|would|could|should|ca(?=nnot)|wo|will|can)(?: ?not)\b", re.IGNORECASE
)
_LONG_FORMS = {"ca": "can't", "can": "can't", "wo": "won't", "will": "won't"}
_PRONOUNS = ((r"\b(I) am\b", r"\1'm"), (r"\b(it|that|he|she) is\b", r"\1's"), (r"\b(we|they|you) are\b", r"\1're"))


def expand(text: str, rng: random.Random) -> str | None:
    """Write "isn't" as "is not", and the like."""
    written = expand_contractions(text)
    return written if written != text else None


def contract(text: str, rng: random.Random) -> str | None:
    """Write "is not" as "isn't", "cannot" as "can't", and in texts without these "it is" as "it's"."""

    def short(found: re.Match[str]) -> str:
        verb = found[1]
        form = _LONG_FORMS.get(verb.lower(), f"{verb.lower()}n't")
        return verb[0] + form[1:]

    written = _CONTRACTED.sub(short, text)
    if written == text:
        for pattern, replacement in _PRONOUNS:
            written = re.sub(pattern, replacement, written, flags=re.IGNORECASE)
    return written if written != text else None
