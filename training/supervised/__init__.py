"""Fitting a classifier on labelled reviews."""
