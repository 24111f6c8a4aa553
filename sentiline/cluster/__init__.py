"""Batch scoring on a Ray cluster: the scorer of `sentiline.scoring` in an actor pool of Ray Data."""
