"""Writes generated files that are committed: modules, examples, pictures, pages."""
