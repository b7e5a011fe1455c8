"""IAM policies: the model and its JSON, evaluation, proofs of no new access, and differences."""
