"""Texts for the Hugging Face routes, and the labels that their answers must have."""

from __future__ import annotations

from sentiline.predictor import Predictor

TEXTS = ["I loved this film. The acting was wonderful!", "So boring: the worst plot.", "It was fine 🎬."]


def labels(predictor: Predictor, text: str) -> list[tuple[str, float]]:
    """The labels of a text with their probabilities, the more probable one first."""
    [reading] = predictor.read([text])
    found = [("POSITIVE", reading.positive), ("NEGATIVE", 1 - reading.positive)]
    return sorted(found, key=lambda pair: -pair[1])
