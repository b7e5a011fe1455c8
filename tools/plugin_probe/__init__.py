"""Runs the plugin's real agent with a policy: its requests, and the effects of denials."""
