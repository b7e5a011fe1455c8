"""Checks whether an account meets a scoped policy, before a cluster moves to the policy."""
