"""The formats of `coverage --format`: a module with the name of each."""
