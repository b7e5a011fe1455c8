"""How the two states of an account differ."""
