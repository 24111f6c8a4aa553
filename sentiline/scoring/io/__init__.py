"""Where rows come from and go to: storage, formats, readers and writers."""
