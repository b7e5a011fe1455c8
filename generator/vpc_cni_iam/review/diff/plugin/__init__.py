"""Changes of the plugin in each cluster, and whether it works after the plan."""
