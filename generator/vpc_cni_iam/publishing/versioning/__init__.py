"""The changes of a module since its last version, and the version number that they need."""
