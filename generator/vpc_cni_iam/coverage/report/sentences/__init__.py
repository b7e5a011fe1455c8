"""Sentences of coverage reports, which every format and `audit` have in common."""
