"""Run folders, checkpoints and progress, which all stages share."""
