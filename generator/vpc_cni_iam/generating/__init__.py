"""Writes a module into a directory beside files of others."""
