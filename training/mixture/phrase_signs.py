"""Whether contributions inside a sentence have the sign that people gave to its phrases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sentiline import Predictor
from sentiline.reading import Reading
from training.mixture.targets import token_range
from training.mixture.trees import Phrase, Tree

NEGATORS = frozenset(
    [
        "not",
        "n't",
        "no",
        "never",
        "nothing",
        "nobody",
        "none",
        "neither",
        "nor",
        "without",
        "hardly",
        "barely",
        "scarcely",
        "lacks",
        "lacking",
        "cannot",
    ]
)

# The largest number of words of a child that negates its sibling.
_LONGEST_NEGATOR = 3


@dataclass(frozen=True)
class PhraseSigns:
    """The shares of phrases, in percent, whose contributions add up to the sign of their label.

    Attributes:
        inside: Of all phrases with an opinion inside a sentence, words included.
        against: Of those whose label is the opposite of their sentence's.
        flips: Of phrases that a negator turns around: "not" and a sibling, where the label of both together is the
            opposite of the sibling's.
        counts: The numbers of phrases behind each share.
    """

    inside: float
    against: float
    flips: float
    counts: dict[str, int]


def measure_phrase_signs(predictor: Predictor, trees: Sequence[Tree]) -> PhraseSigns:
    """Compare contributions with the labels of a treebank.

    Args:
        predictor: A model with contributions.
        trees: Trees that the model has not seen.
    """
    right: dict[str, list[bool]] = defaultdict(list)
    results = predictor.read_each([tree.sentence for tree in trees], spans=True)
    for tree, reading in zip(trees, results, strict=True):
        if isinstance(reading, Reading) and reading.contributions is not None:
            _collect(tree, reading, right)
    names = ("inside", "against", "flips")
    shares = {name: round(100 * sum(right[name]) / max(1, len(right[name])), 2) for name in names}
    return PhraseSigns(**shares, counts={name: len(right[name]) for name in names})


def _collect(tree: Tree, reading: Reading, right: dict[str, list[bool]]) -> None:
    assert reading.contributions is not None
    before = np.concatenate([[0.0], np.cumsum(reading.contributions, dtype=np.float64)])
    edges = np.cumsum([0, *(len(word) + 1 for word in tree.words)])
    whole = tree.phrases[-1]
    flipped = set(_flipped(tree))
    for phrase in tree.phrases[:-1]:
        if phrase.label == 2:
            continue
        first, last = token_range(reading.encoding, int(edges[phrase.first]), int(edges[phrase.end]) - 1)
        if first == last:
            continue
        agrees = bool((before[last] > before[first]) == (phrase.label > 2))
        right["inside"].append(agrees)
        if whole.label != 2 and (phrase.label > 2) != (whole.label > 2):
            right["against"].append(agrees)
        if phrase in flipped:
            right["flips"].append(agrees)


def _flipped(tree: Tree) -> Iterable[Phrase]:
    """Yield the nodes that begin with a child such as "not" or "does n't" and have the opposite label of the other."""
    by_span = {(phrase.first, phrase.end): phrase for phrase in tree.phrases}
    for phrase in tree.phrases:
        for middle in range(phrase.first + 1, min(phrase.first + _LONGEST_NEGATOR, phrase.end - 1) + 1):
            sibling = by_span.get((middle, phrase.end))
            negated = NEGATORS & {word.lower() for word in tree.words[phrase.first : middle]}
            if not sibling or not negated or (phrase.first, middle) not in by_span:
                continue
            if 2 not in (phrase.label, sibling.label) and (phrase.label > 2) != (sibling.label > 2):
                yield phrase
