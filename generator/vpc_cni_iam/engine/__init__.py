"""Runs the user's own terraform or tofu; this project brings none."""
