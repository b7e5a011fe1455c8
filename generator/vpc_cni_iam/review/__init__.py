"""Reviews a plan: compares the account before and after it, and reports the differences."""
