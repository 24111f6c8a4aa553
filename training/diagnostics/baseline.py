"""The bag-of-words baseline: tf-idf of words and pairs of words with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sentiline.tokenizer import words
from training.data.review import Review

_STRENGTH = 100.0  # selected on the validation part by `benchmarks.peers`

# Options that make a scikit-learn vectorizer split text as the models do.
TOKENIZER_OPTIONS: dict[str, Any] = {"tokenizer": words, "token_pattern": None, "lowercase": False}


def tfidf() -> Pipeline:
    """Return an unfitted vectorizer: sublinear tf-idf of words and pairs of words that occur in three reviews."""
    return make_pipeline(TfidfVectorizer(**TOKENIZER_OPTIONS, ngram_range=(1, 2), min_df=3, sublinear_tf=True))


def logistic_regression(strength: float) -> LogisticRegression:
    """Return an unfitted logistic regression with this inverse regularization strength."""
    return LogisticRegression(C=strength, solver="liblinear", random_state=0)


class TfidfBaseline:
    """The trained classifier."""

    def __init__(self, train: Sequence[Review]) -> None:
        """Train on labelled reviews, which takes half a minute for IMDB's."""
        self._model = Pipeline([*tfidf().steps, ("regression", logistic_regression(_STRENGTH))])
        self._model.fit([review.text for review in train], [review.label for review in train])

    def positive(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return P(positive) of each text, [len(texts)]."""
        return np.asarray(self._model.predict_proba(list(texts))[:, 1], np.float64)
