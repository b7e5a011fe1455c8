"""Publishes a version of the module: tree, archives, registry, OCI layout and provenance."""
