"""Runs the log functions of the network policy agent, without the rest of the agent."""
