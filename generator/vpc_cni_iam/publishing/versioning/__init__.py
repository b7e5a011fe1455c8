"""What changed in a module since the version before, and the number that it asks for."""
