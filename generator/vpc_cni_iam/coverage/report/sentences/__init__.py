"""Sentences of coverage reports, for every format and for `audit`."""
