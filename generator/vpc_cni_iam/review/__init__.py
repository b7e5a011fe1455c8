"""Reviews a plan: the account before and after, how they differ, and what is to be said of it."""
