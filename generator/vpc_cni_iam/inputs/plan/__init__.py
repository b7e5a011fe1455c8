"""A plan of Terraform or OpenTofu: its JSON, and its facts about IAM."""
