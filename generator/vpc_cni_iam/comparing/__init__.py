"""Compares two policies of an identity, and proves what the policies of a role never allow."""
