"""What conditions say about each other: implication, contradiction, and possible values."""
