"""Compares two policies of an identity, and says what the policies of a role never allow."""
