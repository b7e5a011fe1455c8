"""What a review says, in sentences, and the formats of `review --format` and `--report`."""
