"""The IAM account of a plan in two states: before and after."""
