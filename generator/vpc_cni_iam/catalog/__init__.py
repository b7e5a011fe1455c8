"""The facts about the plugin, and the policies that are composed from them."""
