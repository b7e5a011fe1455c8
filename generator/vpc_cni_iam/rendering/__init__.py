"""What a generated module consists of: text by relative path, without any I/O of its own."""
