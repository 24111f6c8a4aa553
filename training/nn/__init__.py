"""The Keras model: encoder, heads, losses, word vectors, and the backend that differentiates it."""
