"""Sentiline: the sentiment of a text, and the sentiment at each of its tokens.

Example:
    >>> import sentiline
    >>> with sentiline.load() as model:
    ...     model.predict(["A quiet film that I could not stop thinking about."])[0].label
    'POSITIVE'
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sentiline._version import __version__
from sentiline.errors import (
    BundleCorruptError,
    BundleError,
    BundleNotFoundError,
    DataFileError,
    EmptyTextError,
    InputError,
    OptionError,
    SentilineError,
    SettingError,
    TextTooLongError,
    TextTypeError,
)
from sentiline.prediction import Prediction, Probabilities, Sentence, Timestep

if TYPE_CHECKING:
    from sentiline.predictor import Predictor, load
    from sentiline.scoring.api import score

# Must be set before ONNX Runtime is imported: otherwise it sends usage data to its vendor.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "BundleCorruptError",
    "BundleError",
    "BundleNotFoundError",
    "DataFileError",
    "EmptyTextError",
    "InputError",
    "OptionError",
    "Prediction",
    "Predictor",
    "Probabilities",
    "Sentence",
    "SentilineError",
    "SettingError",
    "TextTooLongError",
    "TextTypeError",
    "Timestep",
    "__version__",
    "load",
    "score",
]


def __getattr__(name: str) -> Any:
    # onnxruntime takes longer to import than everything else together, so it is imported with the first model
    if name in ("Predictor", "load"):
        from sentiline import predictor

        return getattr(predictor, name)
    if name == "score":
        from sentiline.scoring.api import score

        return score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
