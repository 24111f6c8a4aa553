"""Calibration of a trained model before its export: a temperature and a shift are folded into the head's weights."""

from __future__ import annotations

from training.data.dataset import Dataset
from training.evaluation.platt import Platt, fit_platt
from training.nn.backend import compile_function
from training.nn.heads import Tensor
from training.nn.model import SentimentModel
from training.supervised.trainer import BATCH, model_logits, predict_logits


def calibrate_head(model: SentimentModel, validation: Dataset) -> Platt:
    """Scale and shift the head in place to calibrate it on the validation reviews.

    Logit, bias, contributions and scores are then all those of the calibrated model and add up exactly as before.

    Args:
        model: A built model with the weights to export.
        validation: Encoded reviews that the model was not trained on.

    Returns:
        The temperature and the shift; 1 and 0, with a note, if they cannot be fitted or the head's last step is not
        linear.
    """
    if not hasattr(model.head, "scale"):
        return Platt(note=f'head "{model.config.head}" does not end in a linear step, so it cannot be scaled')

    def logits_of(ids: Tensor, lengths: Tensor) -> Tensor:
        return model_logits(model, ids, lengths)

    logits = predict_logits(compile_function(logits_of, *BATCH), validation.ids)
    found = fit_platt(logits, validation.labels)
    if not found.note:
        model.head.scale(found.temperature, found.shift)
    return found
