"""VADER and TextBlob as scorers of raw text, and what they read from disk; fits nothing but one threshold."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.lib.process_pool import Scorer


def load_vader(path: Path) -> Scorer:
    """VADER's compound score, -1 to 1, of a whole text; `path` is not read, for the package knows its own lexicon."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda texts: [float(analyzer.polarity_scores(text)["compound"]) for text in texts]


def load_textblob(path: Path) -> Scorer:
    """TextBlob's polarity, -1 to 1, of a whole text by its default analyzer; `path` is not read."""
    from textblob import TextBlob

    return lambda texts: [float(TextBlob(text).sentiment.polarity) for text in texts]


LOADERS = {"VADER": load_vader, "TextBlob": load_textblob}

_PACKAGES = {
    "VADER": ("vaderSentiment", ("vader_lexicon.txt", "emoji_utf8_lexicon.txt")),
    "TextBlob": ("textblob", ("en/en-sentiment.xml",)),
}


def size(name: str) -> int:
    """Bytes of the files that a lexicon consists of."""
    package, files = _PACKAGES[name]
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    folder = Path(found.origin).parent
    return sum((folder / file).stat().st_size for file in files)


def threshold(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """The score from which on most reviews are called rightly if all from it on are called positive.

    Args:
        scores: one for each review, at least one.
        positive: its label.

    Example:
        >>> threshold([0.9, -0.5, 0.1, 0.4], [True, False, False, True])
        0.4
    """
    pairs = sorted(zip(scores, positive, strict=True))
    right = best = sum(positive)  # everything is called positive
    cut = pairs[0][0]
    for index, (score, label) in enumerate(pairs):
        right += -1 if label else 1  # this one is called negative from now on
        later = pairs[index + 1][0] if index + 1 < len(pairs) else float("inf")
        if right > best and later > score:
            best, cut = right, later
    return cut
