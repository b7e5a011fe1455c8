"""Runs the user's terraform or tofu; this project installs none."""
