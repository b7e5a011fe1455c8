"""How the account before a plan differs from the one after."""
