"""Reads what ``kubectl`` prints."""
