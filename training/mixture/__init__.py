"""A mixture of labelled data sets: reading a folder of them, parts by group, caps and balance."""
