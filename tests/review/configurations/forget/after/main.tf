removed {
  from = aws_iam_policy.here

  lifecycle {
    destroy = false
  }
}
