"""Generated sentences and the spans in them whose own sentiment is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.data.review import Label

Part = Literal["train", "held_out"]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a sentence whose own sentiment is known, such as one clause.

    Attributes:
        start: The first code point of the part.
        end: The code point after its last one.
        label: The sentiment of the part read alone; None for a part without an opinion.
    """

    start: int
    end: int
    label: Label | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A labelled sentence.

    Attributes:
        text: The sentence.
        label: Its sentiment; None for a sentence without an opinion, or with two opposite ones of equal weight.
        target: The probability that it is positive, which a model is to learn: 0.5 where there is no label.
        family: The construction, one of `FAMILIES`.
        template: The name of the template, which stays the same when others are added.
        words: The entries of the lexicon in it, in their base forms.
        spans: The parts whose own sentiment is known, in order.
        pair: The identifier shared by two sentences that differ only in what turns the sentiment; empty for others.
    """

    text: str
    label: Label | None
    target: float
    family: str
    template: str
    words: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    pair: str = ""
