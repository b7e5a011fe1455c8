"""Policies against one plugin release or all: what is denied, risky, or more than needed."""
