"""N-gram baselines, fitted as published: tf-idf and naive Bayes with logistic regression, and fastText.

The hyperparameter of each is chosen on a validation part; then it is fitted once more, on all reviews.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.lib.process_pool import Scorer
from sentiline.cpus import available_cpus
from sentiline.tokenizer import words
from training.data.review import Review
from training.diagnostics.baseline import TOKENIZER_OPTIONS, logistic_regression, tfidf


@dataclass(frozen=True)
class FittedClassifier:
    """A classifier on disk.

    Attributes:
        path: The file of the classifier.
        seconds: The time of the last fit, which includes reading the texts but not choosing the hyperparameter.
        chosen: The hyperparameter chosen on the validation part, with its value.
    """

    path: Path
    seconds: float
    chosen: str


class NaiveBayesRatio(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """Multiplies every feature by its log-count ratio between the classes (Wang & Manning 2012, equation 2)."""

    def fit(self, features: Any, labels: Sequence[int]) -> Self:
        """Count the features; `features` is sparse [texts, features], a label 1 or 0."""
        positive = np.asarray(labels) == 1
        shares = []
        for members in (positive, ~positive):
            counts = 1 + np.asarray(features[np.flatnonzero(members)].sum(axis=0)).ravel()
            shares.append(counts / counts.sum())
        self.ratio_: NDArray[np.float64] = np.log(shares[0] / shares[1])  # [features]
        return self

    def transform(self, features: Any) -> Any:
        """Scale the features."""
        return features.multiply(self.ratio_).tocsr()


def naive_bayes() -> Pipeline:
    """Create the features: occurrences of words, pairs and triples of words, scaled by their log-count ratios."""
    counts = CountVectorizer(**TOKENIZER_OPTIONS, ngram_range=(1, 3), min_df=3, binary=True, dtype=np.float64)
    return make_pipeline(counts, NaiveBayesRatio())


# The features of each linear classifier, and the candidates for its inverse regularization strength C.
FEATURES: dict[str, tuple[Callable[[], Pipeline], tuple[float, ...]]] = {
    "tf-idf (1,2) + LR": (tfidf, (1.0, 10.0, 100.0)),
    "NB-LR (1,3)": (naive_bayes, (0.01, 0.1, 1.0)),
}


def fit_linear(name: str, train: Sequence[Review], validation: Sequence[Review], path: Path) -> FittedClassifier:
    """Fit logistic regression on one of `FEATURES` and write it to a file.

    Args:
        name: A key of `FEATURES`.
        train: The reviews to fit on while choosing C.
        validation: The reviews to choose C on; the final fit includes them.
        path: The file to write.
    """
    build, strengths = FEATURES[name]
    features = build()
    inputs = features.fit_transform([review.text for review in train], [review.label for review in train])
    held = features.transform([review.text for review in validation])

    def accuracy(strength: float) -> float:
        model = logistic_regression(strength).fit(inputs, [review.label for review in train])
        return float(model.score(held, [review.label for review in validation]))

    best = max(strengths, key=accuracy)
    reviews = [*train, *validation]
    started = time.perf_counter()
    whole = Pipeline([*build().steps, ("regression", logistic_regression(best))])
    whole.fit([review.text for review in reviews], [review.label for review in reviews])
    seconds = time.perf_counter() - started
    joblib.dump(whole, path)
    return FittedClassifier(path, seconds, f"C = {best:g}")


def load_linear(path: Path) -> Scorer:
    """Load a scorer that returns the logit of each text."""
    model = joblib.load(path)
    return lambda texts: [float(logit) for logit in model.decision_function(texts)]


# The learning rates among which fastText's authors choose on a validation set (Joulin et al. 2017, section 3.1).
RATES = (0.05, 0.1, 0.25, 0.5)


def fit_fasttext(train: Sequence[Review], validation: Sequence[Review], path: Path) -> FittedClassifier:
    """Fit fastText with pairs of words, 10 hidden units and 5 epochs, as its paper does, and write it to a file.

    fastText reads the reviews in the order of its file, so they are shuffled: sorted, it would learn the last class.

    Args:
        train: The reviews to fit on while choosing the learning rate.
        validation: The reviews to choose the learning rate on; the final fit includes them.
        path: The file to write. Its threads race, so no two fits are identical.
    """
    from fasttext import train_supervised

    lines = path.with_suffix(".txt")

    def fit(reviews: Sequence[Review], rate: float) -> Any:
        shuffled = random.Random(0).sample(reviews, len(reviews))
        lines.write_text("".join(f"__label__{review.label} {_line(review.text)}\n" for review in shuffled), "utf-8")
        threads = available_cpus()
        return train_supervised(str(lines), lr=rate, dim=10, epoch=5, wordNgrams=2, thread=threads, verbose=0)

    def accuracy(rate: float) -> float:
        scores = _fasttext_scorer(fit(train, rate))([review.text for review in validation])
        return sum((score >= 0) == (review.label == 1) for score, review in zip(scores, validation, strict=True))

    best = max(RATES, key=accuracy)
    started = time.perf_counter()
    model = fit([*train, *validation], best)
    seconds = time.perf_counter() - started
    model.save_model(str(path))
    lines.unlink()
    return FittedClassifier(path, seconds, f"learning rate = {best:g}")


def load_fasttext(path: Path) -> Scorer:
    """Load a scorer that returns P(positive) - P(negative) of each text."""
    from fasttext import load_model

    return _fasttext_scorer(load_model(str(path)))


def _fasttext_scorer(model: Any) -> Scorer:
    def score(texts: Sequence[str]) -> list[float]:
        labels, probabilities = model.predict([_line(text) for text in texts])
        margins = (2 * float(probability[0]) - 1 for probability in probabilities)
        return [margin if label[0] == "__label__1" else -margin for label, margin in zip(labels, margins, strict=True)]

    return score


def _line(text: str) -> str:
    return " ".join(words(text))
