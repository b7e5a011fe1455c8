"""Compares the account before a plan with the one after."""
