"""Describes an installation and its problems, for bug reports."""
