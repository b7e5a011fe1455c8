"""Renders the files of a generated module: text by relative path, without I/O."""
