"""Training examples: IMDB, labelled files, splits, targets."""
