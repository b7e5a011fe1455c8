"""A policy against the calls that a plugin release makes, as concrete requests."""
