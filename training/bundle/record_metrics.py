"""Figures of a finished bundle: measured from its files, written into its manifest, its card and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sentiline import Predictor
from sentiline.bundle import Bundle
from training.bundle.model_card import render_card
from training.bundle.writer import check_target, update_bundle
from training.data.dataset import Labelled
from training.errors import TrainingError
from training.evaluation.calibration_plots import draw_calibration
from training.evaluation.evaluate import Evaluation, ScoredReviews, score_reviews


def score_bundle(bundle: Bundle, precision: str, reviews: Sequence[Labelled], console: Console) -> ScoredReviews:
    """Read reviews with one precision of a bundle."""
    with Predictor(bundle, precision=precision) as predictor:
        return score_reviews(predictor, reviews, console=console)


def record_metrics(bundle: Bundle, part: str, figures: dict[str, Evaluation]) -> Bundle:
    """Write measured figures into a bundle's manifest, card and pictures.

    Args:
        bundle: the bundle.
        part: "validation" or "test".
        figures: by precision.
    """
    measured = {precision: figure.as_dict() for precision, figure in figures.items()}
    return update_metrics(bundle, {part: measured})


def update_metrics(bundle: Bundle, metrics: Mapping[str, Any]) -> Bundle:
    """Write a bundle again with some keys of its metrics changed, and with the card and the pictures that follow.

    Raises:
        TrainingError: see `check_recordable`.
    """
    check_recordable(bundle)
    manifest = bundle.manifest
    changed = {**manifest.document["metrics"], **metrics}
    confidence = manifest.document.get("uncertainty", {}).get("confidence")
    drawn = draw_calibration(changed, manifest.default_precision, confidence)
    card = render_card({**manifest.document, "metrics": changed}, {*manifest.files, *drawn})
    return update_bundle(bundle, {"metrics": changed}, {**drawn, "README.md": card.encode()})


def check_recordable(bundle: Bundle) -> None:
    """Refuse a bundle that no figures can be written into, before they are measured.

    Raises:
        ExportError: its folder holds something else as well.
        TrainingError: it was not made by `training.bundle.publish`.
    """
    check_target(bundle.path)
    if "metrics" not in bundle.manifest.document:
        raise TrainingError(
            f"{bundle.manifest.name}'s manifest has no metrics to add to; only a bundle that `python -m training` made "
            f"has them",
            field="metrics",
        )
