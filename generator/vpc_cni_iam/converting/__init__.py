"""Any IAM policy to HCL and back."""
