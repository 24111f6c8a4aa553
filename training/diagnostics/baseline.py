"""What a bag of words makes of the same texts: tf-idf of words and pairs of words, with logistic regression."""

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

_STRENGTH = 100.0  # chosen on the validation part by `benchmarks.peers`

TOKENIZER_OPTIONS: dict[str, Any] = {"tokenizer": words, "token_pattern": None, "lowercase": False}
"""Makes a vectorizer of scikit-learn split as the models do."""


def tfidf() -> Pipeline:
    """Words and pairs of words that occur in three reviews, with the logarithm of their counts, by rarity."""
    return make_pipeline(TfidfVectorizer(**TOKENIZER_OPTIONS, ngram_range=(1, 2), min_df=3, sublinear_tf=True))


def logistic_regression(strength: float) -> LogisticRegression:
    """Logistic regression with this inverse strength of the penalty on its weights."""
    return LogisticRegression(C=strength, solver="liblinear", random_state=0)


class TfidfBaseline:
    """The fitted classifier."""

    def __init__(self, train: Sequence[Review]) -> None:
        """Fit on labelled reviews; half a minute for IMDB's."""
        self._model = Pipeline([*tfidf().steps, ("regression", logistic_regression(_STRENGTH))])
        self._model.fit([review.text for review in train], [review.label for review in train])

    def positive(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(positive) of each text, [len(texts)]."""
        return np.asarray(self._model.predict_proba(list(texts))[:, 1], np.float64)
