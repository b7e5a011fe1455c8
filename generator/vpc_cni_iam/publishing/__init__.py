"""A version of the module for others: its tree, archives, registry, OCI layout and provenance."""
