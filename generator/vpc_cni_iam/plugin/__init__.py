"""The plugin in a cluster: its identity, its settings, and who can assume its role."""
