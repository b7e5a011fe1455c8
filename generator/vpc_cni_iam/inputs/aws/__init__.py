"""Reads output of the AWS CLI about accounts and clusters."""
