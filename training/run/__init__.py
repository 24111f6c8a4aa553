"""Run folders: their layout, checkpoints and progress, shared by all stages."""
