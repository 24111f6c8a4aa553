"""Batch scoring: files of reviews in, the same rows with their sentiment out, in constant memory; no command line."""
