"""Made-up reviews, and the answers that the model gives to them in this process."""

from __future__ import annotations

import random
from typing import Any

from sentiline.predictor import Predictor
from sentiline.reading import Reading

WORDS = ["a", "film", "that", "good", "bad", "so", "boring", "great", "not", "the", "plot", "but", "funny", "worst"]


def reviews(count: int, seed: int, lengths: tuple[int, ...] = (1, 5, 40, 200)) -> list[str]:
    """Different texts of very different lengths."""
    chance = random.Random(seed)
    return [f"{index} " + " ".join(chance.choices(WORDS, k=chance.choice(lengths))) for index in range(count)]


def expected(predictor: Predictor, texts: list[str], detail: Any) -> list[dict[str, Any]]:
    return [reading.as_dict(detail) for reading in predictor.read(texts) if isinstance(reading, Reading)]
