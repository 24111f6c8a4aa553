"""Teachers, ensembles of them, and the targets that they give a student."""
