"""Converts any IAM policy to HCL, and back."""
