"""A plan against the catalog: what it does to the permissions of the plugin."""
