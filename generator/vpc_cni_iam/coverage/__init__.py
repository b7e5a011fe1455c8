"""A policy against the calls that a plugin version makes, as concrete requests."""
