"""Calibrates a fitted model for its export: two numbers, fitted on validation, go into the head's weights."""

from __future__ import annotations

from training.data.dataset import Dataset
from training.evaluation.platt import Platt, fit_platt
from training.nn.backend import compile_function
from training.nn.heads import Tensor
from training.nn.model import SentimentModel
from training.supervised.trainer import BATCH, model_logits, predict_logits


def calibrate_head(model: SentimentModel, validation: Dataset) -> Platt:
    """Scale and shift the head as suits the validation reviews, in place.

    Logit, bias, contributions and scores are then all those of the calibrated model, and add up as exactly as before.

    Args:
        model: built, with the weights to export.
        validation: encoded reviews that the model was not fitted on.

    Returns:
        By what; by nothing, with a note, where it cannot be fitted, or the head's last step is not linear.
    """
    if not hasattr(model.head, "scale"):
        return Platt(note=f'head "{model.config.head}" ends in no linear step, so it cannot be scaled')

    def read(ids: Tensor, lengths: Tensor) -> Tensor:
        return model_logits(model, ids, lengths)

    logits = predict_logits(compile_function(read, *BATCH), validation.ids)
    found = fit_platt(logits, validation.labels)
    if not found.note:
        model.head.scale(found.temperature, found.shift)
    return found
