"""Metrics of a finished bundle: measured from its files and recorded in its manifest, card and plots."""

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
    """Score reviews with one precision of a bundle."""
    with Predictor(bundle, precision=precision) as predictor:
        return score_reviews(predictor, reviews, console=console)


def record_metrics(bundle: Bundle, part: str, figures: dict[str, Evaluation]) -> Bundle:
    """Record measured metrics in a bundle's manifest, card and plots.

    Args:
        bundle: The bundle.
        part: "validation" or "test".
        figures: The evaluation of each precision.
    """
    measured = {precision: figure.as_dict() for precision, figure in figures.items()}
    return update_metrics(bundle, {part: measured})


def update_metrics(bundle: Bundle, metrics: Mapping[str, Any]) -> Bundle:
    """Update some keys of a bundle's metrics, and the card and plots that show them.

    Raises:
        TrainingError: See `check_recordable`.
    """
    check_recordable(bundle)
    manifest = bundle.manifest
    changed = {**manifest.document["metrics"], **metrics}
    confidence = manifest.document.get("uncertainty", {}).get("confidence")
    drawn = draw_calibration(changed, manifest.default_precision, confidence)
    card = render_card({**manifest.document, "metrics": changed}, {*manifest.files, *drawn})
    return update_bundle(bundle, {"metrics": changed}, {**drawn, "README.md": card.encode()})


def check_recordable(bundle: Bundle) -> None:
    """Reject a bundle that metrics cannot be recorded in, before they are measured.

    Raises:
        ExportError: Its folder also holds other files.
        TrainingError: The bundle was not made by `training.bundle.publish`.
    """
    check_target(bundle.path)
    if "metrics" not in bundle.manifest.document:
        raise TrainingError(
            f"{bundle.manifest.name}'s manifest has no metrics to extend; only bundles made by `python -m training` "
            f"have them",
            field="metrics",
        )
