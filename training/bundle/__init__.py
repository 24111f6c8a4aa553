"""Bundles: writing, publishing from a finished run, recording metrics, and model cards."""
