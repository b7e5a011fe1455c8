"""Runs the log functions of the network policy agent, of which it has no other part."""
