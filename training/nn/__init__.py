"""The Keras model: encoder, recurrent layers, heads, losses and initial word vectors, on TensorFlow or PyTorch."""
