"""A module directory against the catalog, by reading it and by a real engine."""
