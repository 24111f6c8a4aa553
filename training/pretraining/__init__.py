"""Pre-training of the encoder as a bidirectional language model."""
