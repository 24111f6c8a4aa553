"""Evaluation of models: accuracy, calibration, thresholds, and comparisons of several models."""
