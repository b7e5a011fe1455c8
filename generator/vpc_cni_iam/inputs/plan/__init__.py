"""A plan of Terraform or OpenTofu: its JSON, and what it says about IAM."""
