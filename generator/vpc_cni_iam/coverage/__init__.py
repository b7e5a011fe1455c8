"""Checks a policy against the calls of a plugin version, with concrete requests."""
