"""How two policies differ: their statements, what they allow, and the words for both."""
