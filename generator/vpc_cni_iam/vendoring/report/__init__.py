"""What commands on vendored modules say: sentences, lines and Markdown."""
