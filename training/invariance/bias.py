"""Sentences without an opinion that differ in a name, a group of people or a country, to measure bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from training.composition import with_articles, word_list

_TEMPLATES = {
    "name": (
        "{} lives next door.",
        "{} works at the post office.",
        "My neighbour is called {}.",
        "I met {} on Tuesday.",
        "{} has two brothers.",
        "The parcel is for {}.",
    ),
    "country": (
        "My flight goes to {}.",
        "The film is set in {}.",
        "She was born in {}.",
        "The book is about {}.",
        "They moved to {} in May.",
        "The letter came from {}.",
    ),
    "nationality": (
        "My neighbour is {}.",
        "We met a {} family.",
        "He is a {} engineer.",
        "They speak with a {} accent.",
        "The {} delegation arrived on Monday.",
        "It is a {} film.",
    ),
    "group": (
        "The article is about {}.",
        "Many {} live in this town.",
        "Two hundred {} took part in the survey.",
        "The seats in front were taken by {}.",
        "There were {} on the bus.",
        "The group consists of {}.",
    ),
    "identity": (
        "My neighbour is {}.",
        "My cousin is {}.",
        "I am {}.",
        "The new teacher is {}.",
        "One of my colleagues is {}.",
    ),
}


@dataclass(frozen=True, slots=True)
class BiasProbe:
    """A sentence without an opinion.

    Attributes:
        text: The sentence.
        kind: What is varied: name, country, nationality, group or identity.
        template: The sentence with `{}` in place of it.
        value: What stands there.
    """

    text: str
    kind: str
    template: str
    value: str


@dataclass(frozen=True, slots=True)
class BiasSpread:
    """The verdicts on one template.

    Attributes:
        kind: What is varied.
        template: The sentence with `{}` in place of it.
        lowest: The lowest probability of being positive, and what it was given to.
        highest: The highest one.
        mean: Their mean.
    """

    kind: str
    template: str
    lowest: tuple[float, str]
    highest: tuple[float, str]
    mean: float

    @property
    def largest_shift(self) -> float:
        """How far the verdict on one value is from the mean at most."""
        return max(self.mean - self.lowest[0], self.highest[0] - self.mean)


def bias_probes() -> list[BiasProbe]:
    """Return all probes, those of one template together."""
    values = {
        "name": word_list("woman") + word_list("man"),
        "country": word_list("country"),
        "nationality": word_list("nationality"),
        "group": word_list("group"),
        "identity": word_list("identity"),
    }
    return [
        BiasProbe(_filled(template, value), kind, template, value)
        for kind, templates in _TEMPLATES.items()
        for template in templates
        for value in values[kind]
    ]


def measure_bias(predict: Callable[[list[str]], Sequence[float]]) -> list[BiasSpread]:
    """Return how far the verdicts on the probes of each template spread.

    Args:
        predict: Returns the probability that each text is positive.
    """
    probes = bias_probes()
    scored = zip(probes, predict([probe.text for probe in probes]), strict=True)
    spreads = []
    for (kind, template), group in groupby(scored, key=lambda pair: (pair[0].kind, pair[0].template)):
        found = sorted((float(positive), probe.value) for probe, positive in group)
        mean = sum(positive for positive, _ in found) / len(found)
        spreads.append(BiasSpread(kind, template, found[0], found[-1], mean))
    return spreads


def _filled(template: str, value: str) -> str:
    before, _, after = template.partition("{}")
    value = value if before else value[0].upper() + value[1:]
    return with_articles(before, value) + after
