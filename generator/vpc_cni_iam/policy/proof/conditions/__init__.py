"""Logic of conditions: implication, contradiction, and possible values."""
