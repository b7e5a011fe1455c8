"""Reads what the AWS CLI, CloudTrail and their queries print of accounts and clusters."""
