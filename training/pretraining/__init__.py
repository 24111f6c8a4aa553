"""Pre-training an encoder as a language model."""
