"""What one statement matches: patterns, policy variables, conditions and principals."""
