"""What the plugin sends on a node, and how the policies of its role answer."""
