"""Which of its permissions a role used, and which of them the plugin can use."""
