"""Compares two policies of an identity."""
