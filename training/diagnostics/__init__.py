"""Diagnostics beyond IMDB's accuracy: where in a text a model finds sentiment, and how it handles other texts."""
