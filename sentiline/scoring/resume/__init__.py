"""Resumption of interrupted runs: the journal, the partial output and the fingerprint of a run."""
