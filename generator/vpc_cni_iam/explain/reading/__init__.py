"""Reads denied requests and known errors from logs, events and text as people paste it."""
