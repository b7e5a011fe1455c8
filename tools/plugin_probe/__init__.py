"""Runs the plugin's real agent against a policy: what it sends, and what a denial breaks."""
