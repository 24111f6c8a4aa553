"""All rewritings by name, a random one of them, and how often each turns a model's verdict."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence

from training.invariance import characters, context, contractions, entities, typos
from training.invariance.rewriting import Rewriting

REWRITINGS: dict[str, Rewriting] = {
    "typo": typos.add_typo,
    "punctuation": characters.change_punctuation,
    "lower": characters.lower,
    "upper": characters.upper,
    "title": characters.title,
    "invisible": characters.insert_invisible,
    "repeated_letter": characters.repeat_letter,
    "apostrophe": characters.replace_apostrophe,
    "expanded_contractions": contractions.expand,
    "contractions": contractions.contract,
    "neutral_before": context.add_neutral_before,
    "neutral_after": context.add_neutral_after,
    "hashtag": context.add_hashtag,
    "address": context.add_address,
    "name": entities.swap_name,
    "country": entities.swap_country,
    "nationality": entities.swap_nationality,
    "group": entities.swap_group,
    "number": entities.change_number,
}


def rewrite(text: str, rng: random.Random, kinds: Collection[str] = tuple(REWRITINGS)) -> tuple[str, str] | None:
    """Return the name of a random rewriting that is possible and the text rewritten; None if none is possible.

    Args:
        text: The text.
        rng: The random generator.
        kinds: Names of the rewritings to choose from.
    """
    for kind in rng.sample(list(kinds), len(kinds)):
        if (rewritten := REWRITINGS[kind](text, rng)) is not None:
            return kind, rewritten
    return None


def measure_invariance(
    predict: Callable[[list[str]], Sequence[float]], texts: Sequence[str], *, seed: int = 0
) -> dict[str, tuple[int, int]]:
    """Return, per rewriting, how many verdicts it turned around and how many texts it could rewrite.

    Args:
        predict: Returns the probability that each text is positive.
        texts: The texts.
        seed: The seed of the random generator.
    """
    before = predict(list(texts))
    found = {}
    for kind, function in REWRITINGS.items():
        rng = random.Random(f"{kind} {seed}")
        pairs = [
            (positive, rewritten)
            for text, positive in zip(texts, before, strict=True)
            if (rewritten := function(text, rng)) is not None
        ]
        after = predict([rewritten for _, rewritten in pairs]) if pairs else []
        turned = sum((old >= 0.5) != (new >= 0.5) for (old, _), new in zip(pairs, after, strict=True))
        found[kind] = (turned, len(pairs))
    return found
