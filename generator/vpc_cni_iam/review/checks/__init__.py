"""The checks of a review: each yields findings of its rules."""
