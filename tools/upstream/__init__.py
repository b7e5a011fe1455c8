"""Reads upstream's page and source, and compares them with the catalog."""
