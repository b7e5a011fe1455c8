"""The output of commands on vendored modules: sentences, lines and Markdown."""
