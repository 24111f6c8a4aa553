"""Fits the recurrent sentiment models and turns them into the bundles that Sentiline serves.

`training.fit` is what `python -m training fit` does, as one Python call.
"""

import os

# Silences the informational messages of TensorFlow's C++ log; TensorFlow reads it when it is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from training.api import fit

__all__ = ["fit"]
