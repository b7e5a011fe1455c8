"""Who has which policies: one account, which every kind of input fills."""
