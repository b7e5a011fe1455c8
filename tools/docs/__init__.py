"""Builds the documentation site with mkdocs."""
