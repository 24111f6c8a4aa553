"""Fits the recurrent sentiment models and turns them into the bundles that Sentiline serves."""

import os

# Silences the informational messages of TensorFlow's C++ log; TensorFlow reads it when it is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
