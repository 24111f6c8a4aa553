"""Calibrates a fitted model for its export: a temperature, fitted on validation, goes into the head's weights."""

from __future__ import annotations

from training.backend import compiled
from training.dataset import Dataset
from training.heads import Tensor
from training.model import SentimentModel
from training.temperature import Temperature, fit_temperature
from training.trainer import BATCH, model_logits, predict_logits


def calibrate(model: SentimentModel, validation: Dataset) -> Temperature:
    """Divide the head by the temperature that suits the validation reviews, in place.

    Logit, bias, contributions and scores are then all those of the calibrated model, and add up as exactly as before.
    No verdict changes.

    Args:
        model: built, with the weights to export.
        validation: encoded reviews that the model was not fitted on.

    Returns:
        The temperature; 1 with a note where it cannot be fitted, or the head's last step is not linear.
    """
    if not hasattr(model.head, "divide"):
        return Temperature(1.0, f'head "{model.config.head}" ends in no linear step, so it cannot be divided')

    def read(ids: Tensor, lengths: Tensor) -> Tensor:
        return model_logits(model, ids, lengths)

    logits = predict_logits(compiled(read, *BATCH), validation.ids)
    temperature = fit_temperature(logits, validation.labels)
    if temperature.value != 1:
        model.head.divide(temperature.value)
    return temperature
