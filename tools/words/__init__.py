"""Checks that texts for users have the terms of the field."""
