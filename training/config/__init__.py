"""The configurations of every stage, their presets, and their adaptation to small data sets."""
