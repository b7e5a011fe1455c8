"""Simulates the calls of the plugin on a node, and the answers of its role's policies."""
