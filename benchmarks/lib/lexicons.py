"""VADER and TextBlob as scorers of raw text, with the sizes of their files and the choice of a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.lib.process_pool import Scorer


def load_vader(path: Path) -> Scorer:
    """Load a scorer that returns VADER's compound score of a whole text, -1 to 1; `path` is ignored."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda texts: [float(analyzer.polarity_scores(text)["compound"]) for text in texts]


def load_textblob(path: Path) -> Scorer:
    """Load a scorer that returns TextBlob's default polarity of a whole text, -1 to 1; `path` is ignored."""
    from textblob import TextBlob

    return lambda texts: [float(TextBlob(text).sentiment.polarity) for text in texts]


LOADERS = {"VADER": load_vader, "TextBlob": load_textblob}

_PACKAGES = {
    "VADER": ("vaderSentiment", ("vader_lexicon.txt", "emoji_utf8_lexicon.txt")),
    "TextBlob": ("textblob", ("en/en-sentiment.xml",)),
}


def size(name: str) -> int:
    """Return the size of the files of a lexicon in bytes."""
    package, files = _PACKAGES[name]
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    folder = Path(found.origin).parent
    return sum((folder / file).stat().st_size for file in files)


def threshold(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Find the threshold with the highest accuracy; scores at or above it are positive.

    Args:
        scores: The score of each review, at least one.
        positive: Whether each review is positive.

    Example:
        >>> threshold([0.9, -0.5, 0.1, 0.4], [True, False, False, True])
        0.4
    """
    pairs = sorted(zip(scores, positive, strict=True))
    right = best = sum(positive)  # everything is predicted as positive
    cut = pairs[0][0]
    for index, (score, label) in enumerate(pairs):
        right += -1 if label else 1  # this one is predicted as negative from here on
        later = pairs[index + 1][0] if index + 1 < len(pairs) else float("inf")
        if right > best and later > score:
            best, cut = right, later
    return cut
