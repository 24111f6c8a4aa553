"""Measure what each deviation from its published form costs the one-unit LSTM: `python -m benchmarks.deviations`.

The published form pads on the left and ignores lengths; ours pads on the right and reads each review to its own end.
Every variant changes one property of ours, the last one all of them; validation part and seeds are the same for all.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import SPECIAL_TOKENS, split
from training.data import imdb
from training.data.review import Review
from training.nn.backend import configure

VOCABULARY, TOKENS, WIDTH, BATCH, RATE, DROPOUT = 2_000, 500, 32, 64, 1e-3, 0.2


@dataclass(frozen=True)
class Variant:
    """One way to fit the one-unit LSTM.

    Attributes:
        name: The difference from our form.
        left: Whether to pad on the left to 500 tokens without a mask, instead of on the right with a mask.
        words: Whether to drop punctuation and rank the vocabulary by occurrences instead of by reviews.
        shared_mask: Whether to use one dropout mask per review instead of one per token.
        data: The share of the training part that is used.
        epochs: The number of epochs; validation accuracy is measured after the last.
    """

    name: str
    left: bool = False
    words: bool = False
    shared_mask: bool = False
    data: float = 1.0
    epochs: int = 3


OURS = Variant("ours")
PUBLISHED = Variant("all three, as published", left=True, words=True, shared_mask=True)
VARIANTS = (
    OURS,
    replace(OURS, name="padded on the left, no lengths", left=True),
    replace(OURS, name="no punctuation; vocabulary by occurrences", words=True),
    replace(OURS, name="one dropout mask a review", shared_mask=True),
    replace(OURS, name="90 % of the training part", data=0.9),
    replace(OURS, name="six epochs", epochs=6),
    PUBLISHED,
)


def encode(tokens: Sequence[list[str]], ids: dict[str, int], *, left: bool) -> NDArray[np.int32]:
    """Encode the last 500 tokens of each review as ids, padded with 0.

    Returns:
        int32 [len(tokens), 500].
    """
    rows = np.zeros((len(tokens), TOKENS), np.int32)
    for row, words in zip(rows, tokens, strict=True):
        read = [ids.get(word, 1) for word in words[-TOKENS:]]
        if read:
            row[slice(-len(read), None) if left else slice(len(read))] = read
    return rows


def vocabulary(tokens: Sequence[list[str]], *, by_occurrence: bool) -> dict[str, int]:
    """Return the ids of the most frequent tokens; the first ids are those of padding and unknown tokens."""
    counts = Counter(word for words in tokens for word in (words if by_occurrence else set(words)))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY - len(SPECIAL_TOKENS)]
    return {word: index + len(SPECIAL_TOKENS) for index, word in enumerate(ranked)}


def network(variant: Variant) -> keras.Model:
    """Build word vectors, dropout, and one LSTM unit with a sigmoid, whose last state is the probability."""
    noise = (None, 1, WIDTH) if variant.shared_mask else None
    model = keras.Sequential(
        [
            keras.Input((TOKENS,), dtype="int32"),
            keras.layers.Embedding(VOCABULARY, WIDTH, mask_zero=not variant.left),
            keras.layers.Dropout(DROPOUT, noise_shape=noise),
            keras.layers.LSTM(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(RATE), "binary_crossentropy", metrics=["accuracy"])
    return model


def validation_accuracy(variant: Variant, seed: int, parts: tuple[list[Review], list[Review]]) -> float:
    """Fit once and measure the validation accuracy after the last epoch."""
    texts = [[split(review.text)[0] for review in part] for part in parts]
    if variant.words:
        texts = [[[word for word in words if any(map(str.isalnum, word))] for words in part] for part in texts]
    keras.utils.set_random_seed(seed)
    kept = np.random.default_rng(seed).permutation(len(parts[0]))[: round(variant.data * len(parts[0]))]
    train = [texts[0][index] for index in kept]
    ids = vocabulary(train, by_occurrence=variant.words)
    labels = [np.array([review.label for review in part], np.float32) for part in parts]
    model = network(variant)
    x = encode(train, ids, left=variant.left)
    model.fit(x, labels[0][kept], batch_size=BATCH, epochs=variant.epochs, verbose=0)
    _, accuracy = model.evaluate(encode(texts[1], ids, left=variant.left), labels[1], batch_size=256, verbose=0)
    return float(accuracy)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default: as `python -m training` finds it")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--reviews", type=int, help="number of training reviews, for a quick look; default all")
    parser.add_argument(
        "--only", type=int, nargs="+", choices=range(len(VARIANTS)), help="numbers of the variants to fit; default all"
    )
    parser.add_argument("--threads", type=int, help="TensorFlow threads; default all cores")
    parser.add_argument("--json", type=Path, help="file for the accuracies")
    options = parser.parse_args(arguments)
    configure(options.threads)
    train, validation = imdb.split(imdb.load(options.archive).train)
    if options.reviews:
        drawn = np.random.default_rng(0).permutation(len(train))[: options.reviews]
        train = [train[index] for index in drawn]
    print(f"One LSTM unit, {len(train):,} reviews, validation accuracy in percent of {options.seeds} seeds")
    results: dict[str, list[float]] = {}
    for variant in VARIANTS if options.only is None else [VARIANTS[number] for number in options.only]:
        accuracies = [100 * validation_accuracy(variant, seed, (train, validation)) for seed in range(options.seeds)]
        results[variant.name] = accuracies
        shown = " ".join(f"{accuracy:5.1f}" for accuracy in accuracies)
        print(f"{variant.name:45} {shown}   mean {np.mean(accuracies):5.1f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
