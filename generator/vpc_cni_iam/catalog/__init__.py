"""Facts about the plugin, and the policies composed from them."""
