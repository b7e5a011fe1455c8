"""Checks an account against the needs of a scoped policy, before a cluster moves to it."""
