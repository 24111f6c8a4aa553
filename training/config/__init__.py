"""Configurations of every stage, their presets, and what changes when data is scarce."""
