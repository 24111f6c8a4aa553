"""Batch scoring: read files of reviews and write the same rows with their sentiment, in constant memory."""
