"""Which plugin versions the documents of the catalog work with."""
