"""Conversion of a trained Keras model into an ONNX graph whose outputs were checked against the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.export.dispatch import to_onnx

__all__ = ["to_onnx"]


def __getattr__(name: str) -> Any:
    if name == "to_onnx":  # not imported above: tf2onnx takes seconds to import, and the other modules do without it
        from training.export.dispatch import to_onnx

        return to_onnx
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
