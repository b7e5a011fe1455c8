"""The rules: each file yields the findings of one question."""
