"""What the review of today needs of modules that changed; the next review replaces it."""
