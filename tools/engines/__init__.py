"""Installs real engines into a cache outside the tree."""
