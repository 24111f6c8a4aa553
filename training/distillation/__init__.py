"""Knowledge distillation: teachers, their ensembles, and the soft targets that they give a student."""
