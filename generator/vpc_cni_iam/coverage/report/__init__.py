"""The formats of `coverage --format`: one module each, named as the format is."""
