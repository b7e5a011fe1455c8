"""Compares a module directory with the catalog, by reading it and with an engine."""
