"""What lets an interrupted run continue: the journal, the partial output and the fingerprint of its options."""
