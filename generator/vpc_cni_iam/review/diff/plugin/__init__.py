"""How the plugin of each cluster differs between the two accounts, and whether it works."""
