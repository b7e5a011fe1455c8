"""The rules: each file yields findings of one question."""
