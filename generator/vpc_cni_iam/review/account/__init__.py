"""The IAM account of a plan on one side: the policies, roles and settings."""
