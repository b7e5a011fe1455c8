"""What the review keeps of older forms of policy's diff and answers, until it is rewritten."""
