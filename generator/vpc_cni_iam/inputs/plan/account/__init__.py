"""The accounts before and after a plan: who has which policies."""
