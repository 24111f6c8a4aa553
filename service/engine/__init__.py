"""Inference behind the routes: models, admission, the scheduler, jobs and their deadlines."""
