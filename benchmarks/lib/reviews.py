"""The reviews that the speed benchmarks read: IMDB validation reviews in a random order that is always the same."""

from __future__ import annotations

import random
from pathlib import Path

from training.data import imdb


def sample(archive: Path | None, count: int) -> list[str]:
    """The texts of `count` validation reviews.

    Args:
        archive: aclImdb_v1.tar.gz; None finds it as training does.
        count: at least 1; no more than there are.
    """
    _, validation = imdb.split(imdb.load(archive).train)
    return [review.text for review in random.Random(1).sample(validation, count)]
