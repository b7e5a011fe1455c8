"""The one place that writes into a user's tree: whole files, or nothing."""
