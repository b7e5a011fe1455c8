"""Reads denied requests and known errors from logs, events and pasted text."""
