"""Fits the recurrent sentiment models and turns them into the bundles that Sentiline serves."""

import os

# TensorFlow's C++ log says nothing of use to whoever fits a model; it is read when TensorFlow is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
