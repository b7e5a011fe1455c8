"""What a role used of its permissions, beside what the plugin can call."""
