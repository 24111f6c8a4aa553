"""The data of a fit on a mixture: what its validation part and its descriptions hold."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from pathlib import Path
from typing import Any

from training.data import imdb
from training.data.review import NEGATIVE, POSITIVE, Review
from training.mixture.config import MixtureConfig, load_mixture_config
from training.mixture.corpus import Corpus, read_corpus
from training.supervised.fit_data import FitData

# The largest number of validation texts of each set and polarity, and their largest number of characters. Both
# polarities of a set get equal numbers; else the shift of the calibration would follow the share of positive texts.
_VALIDATION_TEXTS, _LONGEST_VALIDATION = 150, 1500
# Every third of IMDB's validation reviews is enough for the choice of an epoch.
_REVIEWS_STEP = 3


def from_mixture(folder: Path, mixture: str, archive: Path | None = None) -> FitData:
    """Read the texts of a mixture and IMDB's reviews.

    Args:
        folder: The folder of the sets.
        mixture: The name of a shipped mixture, or a TOML file.
        archive: The path of IMDB's archive; None looks for it.

    Raises:
        ConfigError: There is no such mixture.
        DataError: A set is missing or damaged.
        ArchiveError, DownloadError: As `training.data.imdb.load` raises them.
    """
    config = load_mixture_config(mixture)
    return describe(read_corpus(folder, config, imdb.load(archive)), mixture, config)


def describe(corpus: Corpus, mixture: str, config: MixtureConfig) -> FitData:
    """Return the labelled texts of a corpus as the data of a fit."""
    train = [Review(row.text, POSITIVE if row.target > 0.5 else NEGATIVE) for row in corpus.rows if row.target != 0.5]
    description: dict[str, Any] = {
        "name": f"mixture {Path(mixture).stem}",
        "sets": {name: dataclasses.asdict(config.sets[name]) for name in sorted(config.sets)},
        "training_reviews": len(corpus.rows),
        "validation_reviews": len(corpus.held_out),
        "unlabelled_reviews": len(corpus.unlabelled_reviews),
        "split": "a twentieth of the groups each for validation and development",
    }
    return FitData(train, _validation(corpus), (), description)


def _validation(corpus: Corpus) -> list[Review]:
    rows = [row for row in corpus.held_out if row.target != 0.5 and len(row.text) < _LONGEST_VALIDATION]
    random.Random(3).shuffle(rows)
    sizes = Counter((row.source, row.target) for row in rows)
    taken: Counter[tuple[str, float]] = Counter()
    chosen = []
    for row in rows:
        taken[row.source, row.target] += 1
        cap = min(_VALIDATION_TEXTS, sizes[row.source, 0.0], sizes[row.source, 1.0])
        if taken[row.source, row.target] <= cap:
            chosen.append(Review(row.text, POSITIVE if row.target > 0.5 else NEGATIVE))
    return [*chosen, *corpus.held_out_reviews[::_REVIEWS_STEP]]
