"""Generated trees inside somebody else's repository."""
