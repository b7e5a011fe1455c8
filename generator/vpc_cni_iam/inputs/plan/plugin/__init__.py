"""The plugin in each cluster: its settings and its identity."""
