"""The IAM account of a plan on one side: who has which policies, roles and settings."""
