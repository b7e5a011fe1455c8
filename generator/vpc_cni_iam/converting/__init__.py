"""Converts any IAM policy from JSON to HCL."""
