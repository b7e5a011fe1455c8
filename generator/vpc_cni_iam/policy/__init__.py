"""What an IAM policy means: the model, its normal form and its differences."""
