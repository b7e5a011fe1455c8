"""Reads output of ``kubectl``."""
