"""The targets of a student of a mixture: texts, parts of them, and the probability that each is positive."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import EmptyTextError
from sentiline.reference.activations import sigmoid
from sentiline.tokenizer import Encoding, Tokenizer
from training.data.review import NEGATIVE, POSITIVE
from training.data.spans import SpanTargets
from training.data.targets import Targets
from training.distillation.ensemble import blend_targets
from training.distillation.teacher_logits import TeacherLogits
from training.invariance import add_agreeing, add_disagreeing, rewrite
from training.mixture.config import MixtureConfig
from training.mixture.corpus import Corpus, crops_of_reviews
from training.mixture.trees import Tree

# The probabilities that stand for the treebank's labels 0 to 4.
TREE_TARGETS = (0.03, 0.2, 0.5, 0.8, 0.97)
# Labels are learned as 0.03 and 0.97, so that no logit is driven to infinity.
_SMOOTHING = 0.03
# A teacher's probability of a clause is learned only if it is at least this far from one half.
_SURE_CLAUSE = 0.25
# How often the trees are drawn in comparison with another text with spans.
_TREE_REPEAT = 4
# The share of the short texts that are also learned with an emoji or emoticon at the end.
_WITH_EMOJI = 0.05


class TargetBuilder:
    """Collects texts and spans with their targets."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Begin with nothing.

        Args:
            tokenizer: The student's tokenizer, whose limit is that of training.
        """
        self._tokenizer = tokenizer
        self._ids: list[NDArray[np.int32]] = []
        self._probabilities: list[float] = []
        self._span_ids: list[NDArray[np.int32]] = []
        self._spans: list[tuple[int, int, int, float]] = []

    def add(self, text: str, probability: float, repeat: int = 1) -> None:
        """Add a text; one without a token is passed over."""
        try:
            ids = self._tokenizer.encode(text, spans=False).ids
        except EmptyTextError:
            return
        self._ids += [ids] * repeat
        self._probabilities += [probability] * repeat

    def add_spans(self, text: str, spans: Iterable[tuple[int, int, float]], repeat: int = 1) -> None:
        """Add a text with spans in code points and their probabilities; a span without a token is passed over."""
        try:
            encoding = self._tokenizer.encode(text)
        except EmptyTextError:
            return
        found = []
        if not encoding.truncated:
            for start, end, probability in spans:
                first, last = token_range(encoding, start, end)
                if first < last:
                    found.append((first, last, probability))
        for _ in range(repeat if found else 0):
            owner = len(self._span_ids)
            self._span_ids.append(encoding.ids)
            self._spans += [(owner, first, last, probability) for first, last, probability in found]

    def targets(self, provenance: Mapping[str, Any]) -> Targets:
        """Return everything that was added."""
        return Targets(
            ids=tuple(self._ids),
            probabilities=np.array(self._probabilities, np.float32),
            tokenizer=self._tokenizer,
            provenance=provenance,
            spans=self._span_targets() if self._spans else None,
        )

    def _span_targets(self) -> SpanTargets:
        owners, starts, ends, probabilities = zip(*self._spans, strict=True)
        return SpanTargets(
            ids=tuple(self._span_ids),
            owners=np.array(owners, np.int32),
            starts=np.array(starts, np.int32),
            ends=np.array(ends, np.int32),
            probabilities=np.array(probabilities, np.float32),
        )


def _probability(logit: float) -> float:
    return float(sigmoid(np.array(logit, np.float64)))


def token_range(encoding: Encoding, start: int, end: int) -> tuple[int, int]:
    """Return the tokens that begin inside a span of code points: the first one, and the one after the last."""
    first, last = np.searchsorted(encoding.starts, (start, end))
    return int(first), int(last)


def add_rows(
    builder: TargetBuilder,
    corpus: Corpus,
    config: MixtureConfig,
    teacher: Mapping[str, float],
    rewritten: float = 0.2,
) -> None:
    """Add the labelled texts of the mixture, and the pieces that only the teacher has labelled.

    Args:
        builder: The builder.
        corpus: The corpus.
        config: The mixture.
        teacher: The teacher's logit of each text that it has labelled.
        rewritten: The share of the short texts that are also learned rewritten.
    """
    generator = random.Random(config.seed)
    for row in corpus.rows:
        of_set = config.sets[row.source]
        label = min(max(row.target, _SMOOTHING), 1 - _SMOOTHING)
        logit = teacher.get(row.text)
        target = label if logit is None else of_set.trust * label + (1 - of_set.trust) * _probability(logit)
        builder.add(row.text, target, of_set.repeat)
        if len(row.text) < 300 and generator.random() < rewritten * of_set.repeat:
            changed = rewrite(row.text, generator)
            if changed is not None:
                builder.add(changed[1], target)
        if row.target != 0.5 and len(row.text) < 200 and generator.random() < _WITH_EMOJI * of_set.repeat:
            label = POSITIVE if row.target > 0.5 else NEGATIVE
            if generator.random() < 0.6:
                builder.add(add_agreeing(row.text, label, generator), target)
            else:
                builder.add(add_disagreeing(row.text, label, generator), 0.8 * target + 0.1)
    for piece in dict.fromkeys([*corpus.sentences, *corpus.clauses()]):
        if (logit := teacher.get(piece)) is not None:
            builder.add(piece, _probability(logit))


def add_reviews(builder: TargetBuilder, corpus: Corpus, logits: TeacherLogits, *, unlabelled: float = 0.5) -> None:
    """Add IMDB's reviews and crops of them with the logits of the shipped teacher.

    Args:
        builder: The builder.
        corpus: The corpus.
        logits: The teacher's logits.
        unlabelled: The share of the unlabelled reviews that are learned whole.
    """
    labels = np.array([review.label for review in corpus.reviews])
    blended = blend_targets(labels, logits.labelled.astype(np.float64), 0.7)
    for review, target, keep in zip(corpus.reviews, blended, corpus.kept, strict=False):
        if keep:
            builder.add(review.text, float(target))
    rest = corpus.kept[len(corpus.reviews) :]
    chosen = np.random.default_rng(0).random(len(rest)) < unlabelled
    for text, logit, keep, drawn in zip(corpus.unlabelled_reviews, logits.unlabelled, rest, chosen, strict=True):
        if keep and drawn:
            builder.add(text, _probability(logit))
    count = logits.settings.crops
    crops = crops_of_reviews(corpus, count, logits.settings.seed)
    for number, text in enumerate(crops):
        if number % count == 0 and corpus.kept[number // count]:
            builder.add(text, _probability(logits.crops[number]))


def add_trees(builder: TargetBuilder, trees: Sequence[Tree]) -> None:
    """Add the sentences of the treebank with the labels of all their phrases."""
    for tree in trees:
        edges = np.cumsum([0, *(len(word) + 1 for word in tree.words)])
        spans = [(int(edges[p.first]), int(edges[p.end]) - 1, TREE_TARGETS[p.label]) for p in tree.phrases]
        builder.add_spans(tree.sentence, spans, _TREE_REPEAT)


def add_clauses(builder: TargetBuilder, corpus: Corpus, teacher: Mapping[str, float]) -> None:
    """Add sentences whose clauses the teacher has labelled with confidence."""
    for text, spans in corpus.divided:
        known = [(start, end, teacher.get(text[start:end])) for start, end in spans]
        sure = [
            (start, end, probability)
            for start, end, logit in known
            if logit is not None and abs((probability := _probability(logit)) - 0.5) > _SURE_CLAUSE
        ]
        if len(sure) > 1:
            builder.add_spans(text, sure)


def add_splices(builder: TargetBuilder, corpus: Corpus, sources: Sequence[str], count: int, seed: int) -> None:
    """Add pairs of short texts of opposite sentiment, joined, so that the sentiment of either half is known.

    Args:
        builder: The builder.
        corpus: The corpus.
        sources: The sets to draw from; those whose labels people gave to the very text.
        count: The number of pairs.
        seed: The seed of the choice.
    """
    generator = np.random.default_rng(seed)
    pools = [
        [row.text for row in corpus.rows if row.source in sources and row.target == target and len(row.text) < 160]
        for target in (0.0, 1.0)
    ]
    for _ in range(count):
        halves = [(pool[int(generator.integers(len(pool)))], float(label)) for label, pool in enumerate(pools)]
        if generator.random() < 0.5:
            halves.reverse()
        (first, first_label), (second, second_label) = halves
        if first[-1].isalnum():
            first += generator.choice([".", ",", " but", "!", ""])
        text = f"{first} {second}"
        spans = [
            (0, len(first), min(max(first_label, _SMOOTHING), 1 - _SMOOTHING)),
            (len(first) + 1, len(text), min(max(second_label, _SMOOTHING), 1 - _SMOOTHING)),
        ]
        builder.add_spans(text, spans)
