"""The public conversion of a Keras model, whichever kind it is."""

from __future__ import annotations

from typing import Any

import onnx

from training.export import convert
from training.export.keras_model import convert_model
from training.export.keras_parity import check_against_keras
from training.nn.model import SentimentModel


def to_onnx(model: Any) -> onnx.ModelProto:
    """Convert a Keras model to a float32 graph with fused recurrent ops, without `Loop` and `Scan`.

    The inputs are `input_ids` int32 [batch, time], or `features` float32 [batch, time, features], right-padded, and
    `lengths` int32 [batch], the number of timesteps of each row. Where Keras masks the padding, `lengths` stands for
    the mask; a model without a mask reads its padding, and so does its graph. The outputs have the names and values of
    the model's. A `SentimentModel`, the kind that `python -m training fit` makes, has the outputs of a bundle instead,
    see `training.export.convert`.

    Args:
        model: A Sequential or functional Keras model. It may consist of the layers listed in docs/export.md.

    Returns:
        The graph, checked against the model on padded batches.

    Raises:
        ExportError: The model cannot be converted, and the message names the layer and what can be; or the graph gives
            other values than the model.

    Example:
        >>> proto = to_onnx(keras.models.load_model("mine.keras"))  # doctest: +SKIP
    """
    if isinstance(model, SentimentModel):
        return convert.to_onnx(model)
    proto = convert_model(model)
    check_against_keras(model, proto)
    return proto
