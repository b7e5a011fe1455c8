"""aws-node in each cluster of a plan: how it is set up, and its identity."""
