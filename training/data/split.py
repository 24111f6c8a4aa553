"""Reproducible splits into training and validation parts, or folds, that share neither films nor texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.data.review import NEGATIVE, NEUTRAL, POSITIVE, Review
from training.errors import DataError

Parts = tuple[list[Review], list[Review]]  # (train, validation)


def film_disjoint(
    reviews: Sequence[Review], *, fraction: float = 0.1, seed: int = 7, copies: Sequence[str] | None = None
) -> Parts:
    """Split so that the two parts share neither a film nor a text.

    Films that share a text word for word count as one. They are sorted by name, shuffled, and moved to the validation
    part until it holds at least `fraction` of the reviews. The order of `reviews` does not matter.

    Args:
        reviews: Labelled reviews, all with a `film`.
        fraction: The minimum share of the reviews in the validation part, between 0 and 1 (both excluded).
        seed: The seed of the shuffle; equal seeds give equal parts on every machine.
        copies: A key of each review that it shares with its copies; None for its text.

    Returns:
        `(train, validation)`, each in the order of `reviews`.

    Raises:
        DataError: A review has no film, the fraction is out of range, or a part would lack a class.

    Example:
        >>> reviews = [Review(f"{film}{n}", n, film=film) for film in "abcd" for n in (0, 1)]
        >>> train, validation = film_disjoint(reviews, fraction=0.25)
        >>> sorted({review.film for review in train} & {review.film for review in validation}), len(validation)
        ([], 2)
    """
    _check_fraction(fraction)
    leaders = _leaders(reviews, copies)
    held = _take(leaders, fraction * len(reviews), seed)
    return _divide(reviews, [leader in held for leader in leaders])


def film_folds(reviews: Sequence[Review], count: int, *, seed: int = 7) -> NDArray[np.int8]:
    """Divide reviews into folds that share neither a film nor a text.

    Films that share a text word for word count as one. They are sorted by name, shuffled, and each is assigned to the
    fold that holds the fewest reviews so far. The order of `reviews` does not matter.

    Args:
        reviews: Labelled reviews, all with a `film`.
        count: The number of folds, 2…127.
        seed: The seed of the shuffle; equal seeds give equal folds on every machine.

    Returns:
        The fold of each review, int8 [len(reviews)], 0…count−1.

    Raises:
        DataError: A review has no film, the count is out of range, or the reviews outside a fold would lack a class.
    """
    if not 2 <= count <= 127:
        raise DataError(f"the number of folds is {count}; it must lie in 2…127", field="count")
    leaders = _leaders(reviews)
    reviews_of = Counter(leaders)
    names = sorted(reviews_of)
    sizes = [0] * count
    fold_of: dict[str, int] = {}
    for index in np.random.default_rng(seed).permutation(len(names)).tolist():
        fold = sizes.index(min(sizes))
        fold_of[names[index]] = fold
        sizes[fold] += reviews_of[names[index]]
    folds = np.array([fold_of[leader] for leader in leaders], np.int8)
    labels = np.array([review.label for review in reviews])
    for fold in range(count):
        if not (folds == fold).any() or len(np.unique(labels[folds != fold])) < 2:
            raise DataError(
                f"{len(names)} films cannot be divided into {count} folds with both classes outside each; give more "
                f"data or fewer folds",
                field="count",
            )
    return folds


def _leaders(reviews: Sequence[Review], copies: Sequence[str] | None = None) -> list[str]:
    """The first film of each review's group. Films that share a text, directly or through others, are one group."""
    texts = [review.text for review in reviews] if copies is None else copies
    films: list[str] = []
    for review in reviews:
        if review.film is None:
            raise DataError(f"review {review.id or review.text[:40]!r} has no film, so no split can keep films apart")
        films.append(review.film)
    names = sorted(set(films))
    if not names:
        raise DataError("there is no review to split")
    number = {name: index for index, name in enumerate(names)}
    anchor = {text: number[film] for text, film in zip(texts, films, strict=True)}
    pairs = [(number[film], anchor[text]) for text, film in zip(texts, films, strict=True)]
    rows, columns = np.array(pairs).T  # int [len(reviews)] each: an edge from each film to one that shares a text
    shared = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(names), len(names)))
    _, groups = connected_components(shared, directed=False)  # int [len(names)], in no guaranteed order
    # Name a group by its first film, so that the shuffle depends on names alone.
    leaders: dict[int, str] = {}
    for name, group in zip(names, groups.tolist(), strict=True):
        leaders.setdefault(group, name)
    leader = {name: leaders[group] for name, group in zip(names, groups.tolist(), strict=True)}
    return [leader[film] for film in films]


def stratified(
    reviews: Sequence[Review], *, fraction: float = 0.1, seed: int = 7, copies: Sequence[str] | None = None
) -> Parts:
    """Split so that both parts hold the classes in the same proportion and share no text.

    Args:
        reviews: Labelled reviews.
        fraction: The minimum share of each class in the validation part, between 0 and 1 (both excluded).
        seed: The seed of the shuffle; equal seeds give equal parts on every machine.
        copies: A key of each review that it shares with its copies; None for its text.

    Returns:
        `(train, validation)`, each in the order of `reviews`.

    Raises:
        DataError: The fraction is out of range, or a part would lack a class.
    """
    _check_fraction(fraction)
    keys = [review.text for review in reviews] if copies is None else copies
    label_of: dict[str, float] = {}  # a text with both labels counts as its first occurrence
    for key, review in zip(keys, reviews, strict=True):
        label_of.setdefault(key, review.label)
    held: set[str] = set()
    for place, label in enumerate((NEGATIVE, POSITIVE, NEUTRAL)):
        texts = [key for key in keys if label_of[key] == label]
        held |= _take(texts, fraction * len(texts), seed + place)
    return _divide(reviews, [key in held for key in keys])


def _take(keys: Iterable[str], least: float, seed: int) -> set[str]:
    """Draw distinct keys until they cover at least `least` of the occurrences; keys of many more come last."""
    count: dict[str, int] = {}
    for key in keys:
        count[key] = count.get(key, 0) + 1
    names = sorted(count)
    taken: set[str] = set()
    total = 0
    drawn = [names[index] for index in np.random.default_rng(seed).permutation(len(names)).tolist()]
    for name in sorted(drawn, key=lambda name: count[name] > max(1, 2 * least)):
        if total >= least:
            break
        taken.add(name)
        total += count[name]
    return taken


def _divide(reviews: Sequence[Review], held: Sequence[bool]) -> Parts:
    train = [review for review, out in zip(reviews, held, strict=True) if not out]
    validation = [review for review, out in zip(reviews, held, strict=True) if out]
    for name, part in (("training", train), ("validation", validation)):
        labels = {review.label for review in part} - {NEUTRAL}
        if len(labels) < 2:
            found = f"only {'positive' if 1 in labels else 'negative'} reviews" if labels else "no review"
            raise DataError(
                f"the {name} part would hold {found} ({len(train)} for training, {len(validation)} for validation); "
                f"give more data, another seed or another fraction"
            )
    return train, validation


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise DataError(f"the validation fraction is {fraction}; it must lie between 0 and 1", field="fraction")
