"""Writes a module into a directory that may have other files."""
