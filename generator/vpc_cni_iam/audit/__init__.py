"""The roles of accounts that the plugin uses or could use, and the versions they work with."""
