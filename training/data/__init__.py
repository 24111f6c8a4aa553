"""Where training examples come from: IMDB, labelled files, splits, targets."""
