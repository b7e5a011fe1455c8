"""Checks policies against one plugin release or all: denied calls, risks and excess grants."""
