"""Measuring models: accuracy, calibration, thresholds, comparisons."""
