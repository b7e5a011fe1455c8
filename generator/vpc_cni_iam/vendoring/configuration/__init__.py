"""``vpc-cni-iam.toml``: its tables, their lines, and the modules that they describe."""
