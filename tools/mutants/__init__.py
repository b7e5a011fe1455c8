"""Changes the code on purpose, and counts the changes that a package's own tests notice."""
