"""Batch scoring on a Ray cluster, with the readers, scorer and writers of `sentiline.scoring`."""
