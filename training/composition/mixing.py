"""Joins generated sentences into longer texts whose parts have known sentiments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from training.composition.sentence import Sentence, Span

_FAINT = 0.03
"""How far a target moves toward 0.5 for every neutral sentence beside the one with an opinion."""


def embed(sentence: Sentence, before: Sequence[Sentence], after: Sequence[Sentence]) -> Sentence:
    """Return a sentence among neutral ones, which do not change its label.

    Args:
        sentence: The sentence with an opinion. Without spans of its own, it becomes one.
        before: The neutral sentences before it.
        after: Those after it.
    """
    own = [replace(sentence, spans=sentence.spans or (Span(0, len(sentence.text), sentence.label),))]
    joined = concatenate([*before, *own, *after])
    moved = _FAINT * (len(before) + len(after))
    target = max(sentence.target - moved, 0.6) if sentence.target > 0.5 else min(sentence.target + moved, 0.4)
    return replace(
        joined, label=sentence.label, target=round(target, 4), family=sentence.family, template=sentence.template
    )


def concatenate(sentences: Sequence[Sentence]) -> Sentence:
    """Return several sentences as one text, with a span for each that has no spans of its own.

    The label is that of the sentences if those with a label agree, else None, and the target is the mean of theirs, or
    0.5 where none has a label. The family and template are those of the first.
    """
    text = ""
    spans: list[Span] = []
    words: list[str] = []
    for sentence in sentences:
        if text:
            text += " " if text[-1] in ".!?" or not text[-1].isalnum() else ". "
        offset = len(text)
        inner = sentence.spans or (Span(0, len(sentence.text), sentence.label),)
        spans += [Span(span.start + offset, span.end + offset, span.label) for span in inner]
        words += sentence.words
        text += sentence.text
    polar = [sentence for sentence in sentences if sentence.label is not None]
    labels = {sentence.label for sentence in polar}
    target = round(sum(sentence.target for sentence in polar) / len(polar), 4) if polar else 0.5
    return replace(
        sentences[0],
        text=text,
        label=labels.pop() if len(labels) == 1 else None,
        target=target if len(labels) < 2 and polar else 0.5,
        words=tuple(dict.fromkeys(words)),
        spans=tuple(spans),
        pair="",
    )


def mix(sentence: Sentence, neutral: Sequence[Sentence], other: Sentence, rng: random.Random) -> Sentence:
    """Return a sentence among neutral ones (mostly), or joined with another sentence of either sentiment.

    Args:
        sentence: The sentence.
        neutral: Sentences without an opinion.
        other: Another sentence with an opinion. Together with one of the opposite label, there is none.
        rng: The random generator.
    """
    if rng.random() < 0.55:
        cut = rng.choice([0, len(neutral), rng.randint(0, len(neutral))])
        kept = list(neutral) if rng.random() < 0.5 else list(neutral[:1])
        return embed(sentence, kept[:cut], kept[cut:])
    pair = [sentence, other]
    rng.shuffle(pair)
    joined = concatenate(pair)
    return joined if joined.label is not None else replace(joined, family="mixed", template="mixed")
