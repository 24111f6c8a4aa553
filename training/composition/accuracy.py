"""Accuracy on generated sentences by construction: the negation test of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.composition.generate import families, generate_family
from training.composition.sentence import Sentence
from training.data.review import POSITIVE

CUES = ("plain", "agreement", "short", "neutral")
"""Families in which the words alone mostly tell the label."""


@dataclass(frozen=True, slots=True)
class FamilyAccuracy:
    """How many sentences of a family a model labels right.

    Attributes:
        family: The family.
        right: The sentences with the right label.
        count: All its sentences with a label.
    """

    family: str
    right: int
    count: int

    @property
    def accuracy(self) -> float:
        """The share of right ones."""
        return self.right / self.count


def held_out_sentences(per_family: int = 100, *, seed: int = 0) -> list[Sentence]:
    """Return the held-out test: sentences with a label, of held-out templates and words, as many of each family."""
    return [
        sentence
        for family in families()
        for sentence in generate_family(family, per_family, part="held_out", seed=seed)
        if sentence.label is not None
    ]


def accuracy_by_family(
    predict: Callable[[list[str]], Sequence[float]], sentences: Sequence[Sentence]
) -> list[FamilyAccuracy]:
    """Return the accuracy per family; families in `CUES` are controls, the others are the negation test.

    Args:
        predict: Returns the probability that each text is positive.
        sentences: The sentences; those without a label are left out.
    """
    labelled = [sentence for sentence in sentences if sentence.label is not None]
    right: dict[str, list[bool]] = {}
    for sentence, positive in zip(labelled, predict([sentence.text for sentence in labelled]), strict=True):
        right.setdefault(sentence.family, []).append((positive >= 0.5) == (sentence.label == POSITIVE))
    return [FamilyAccuracy(family, sum(found), len(found)) for family, found in right.items()]


def negation_accuracy(accuracies: Sequence[FamilyAccuracy]) -> float:
    """Return the mean accuracy of the families that are not in `CUES`, each of equal weight."""
    turning = [found.accuracy for found in accuracies if found.family not in CUES]
    return sum(turning) / len(turning)
