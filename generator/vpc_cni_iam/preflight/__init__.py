"""What is in an account against what a scoped policy needs, before one moves to it."""
