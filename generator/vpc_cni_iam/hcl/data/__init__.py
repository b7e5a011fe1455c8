"""Which attributes of the AWS provider contain IAM policies."""
