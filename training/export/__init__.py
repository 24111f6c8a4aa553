"""From a fitted Keras model to a calibrated, verified ONNX graph."""
