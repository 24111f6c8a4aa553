"""Checks of a bundle: its graph against the numpy reference, and its weights as ONNX stores them."""
