"""IAM policies for the Amazon VPC CNI plugin as Terraform and OpenTofu modules."""

__version__ = "0.1.0"
