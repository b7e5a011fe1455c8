"""The formats of `review --format` and `--report`: each is a module, whose name is the format's."""
