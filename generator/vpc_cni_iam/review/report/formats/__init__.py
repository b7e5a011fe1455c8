"""The formats of `review --format` and `--report`: a module with the name of each format."""
