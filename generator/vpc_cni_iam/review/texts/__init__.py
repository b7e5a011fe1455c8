"""Names, policies and principals in the sentences of findings."""
