"""Which attributes of the AWS provider hold IAM policies."""
