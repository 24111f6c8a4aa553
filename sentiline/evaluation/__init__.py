"""Evaluation of models on the user's own labelled reviews: metrics, calibration and the worst errors."""
