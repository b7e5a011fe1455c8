"""The formats of `review --format` and `--report`: one module each, named as the format is."""
