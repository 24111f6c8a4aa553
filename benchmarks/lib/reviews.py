"""The reviews of the speed benchmarks: IMDB validation reviews in a fixed random order."""

from __future__ import annotations

import random
from pathlib import Path

from training.data import imdb


def sample_reviews(archive: Path | None, count: int) -> list[str]:
    """Return the texts of `count` validation reviews.

    Args:
        archive: The path of aclImdb_v1.tar.gz; None to find it as `python -m training` does.
        count: The number of reviews, from 1 to the number of validation reviews.
    """
    _, validation = imdb.split(imdb.load(archive).train)
    return [review.text for review in random.Random(1).sample(validation, count)]
