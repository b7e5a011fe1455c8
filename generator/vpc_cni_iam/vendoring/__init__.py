"""Keeps generated modules in a repository: sync, check, diff and upgrade."""
