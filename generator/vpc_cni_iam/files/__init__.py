"""The only code that writes to a user's tree: whole files, or nothing."""
