"""The sentences of a review, and the formats of `review --format` and `--report`."""
