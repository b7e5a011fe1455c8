"""Finds IAM policies in inputs: JSON, AWS CLI output, .tf files, plans."""
