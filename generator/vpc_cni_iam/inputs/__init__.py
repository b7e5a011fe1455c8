"""Finds IAM policies in what people have: JSON, AWS CLI output, .tf files, plans."""
