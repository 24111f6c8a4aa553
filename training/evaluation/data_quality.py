"""What may harm a fit on labelled texts: skewed classes, repeated texts, contradictory labels, unknown words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sentiline.bundle import Bundle
from sentiline.tokenizer import UNKNOWN_ID
from training.data.dataset import encode
from training.data.near_duplicates import group_near_duplicates, normalize
from training.data.review import POSITIVE, Review
from training.evaluation.majority import describe_majority

_LISTED = 5


def describe_quality(reviews: Sequence[Review], bundle: Bundle | None = None) -> Iterator[str]:
    """Describe labelled texts in a few lines.

    Args:
        reviews: The labelled texts, at least one.
        bundle: A bundle from which a fit may start; its vocabulary is compared with the texts.

    Yields:
        One line for each of balance, duplicates, contradictions and, given a bundle, known words.
    """
    yield f"balance: {describe_majority(sum(review.label == POSITIVE for review in reviews), len(reviews))}"
    texts = [review.text for review in reviews]
    copies = len(texts) - len(set(texts))
    near = len(texts) - len(set(group_near_duplicates(texts))) - copies
    yield f"duplicates: {copies:,} word for word, {near:,} nearly; a split keeps them together"
    yield _describe_contradictions(reviews)
    if bundle is not None:
        ids = encode(reviews, bundle.tokenizer()).ids
        tokens = sum(map(len, ids))
        known = tokens - sum(int((text == UNKNOWN_ID).sum()) for text in ids)
        name = bundle.manifest.name
        yield f"known words: {100 * known / tokens:.1f} % of the tokens are in the vocabulary of {name} (--init {name})"


def _describe_contradictions(reviews: Sequence[Review]) -> str:
    groups: dict[str, list[Review]] = {}
    for review in reviews:
        groups.setdefault(normalize(review.text), []).append(review)
    found = [group for group in groups.values() if len({review.label for review in group}) > 1]
    pairs = []
    for group in found[:_LISTED]:
        negative, positive = (next(review.id for review in group if review.label == label) for label in (0, 1))
        pairs.append(f"{negative} (negative) and {positive} (positive)")
    listed = f"; {'; '.join(pairs)}{'; …' if len(found) > _LISTED else ''}" if found else ""
    return f"contradictions (texts with both labels): {len(found):,}{listed}"
