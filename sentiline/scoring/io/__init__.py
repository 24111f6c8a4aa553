"""Input and output of rows: storage, formats, readers and writers."""
