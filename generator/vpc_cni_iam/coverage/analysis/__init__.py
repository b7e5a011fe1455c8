"""Checks policies against one plugin version or all: denied calls, risks and excess grants."""
