"""Reads output of the AWS CLI and CloudTrail about accounts and clusters."""
