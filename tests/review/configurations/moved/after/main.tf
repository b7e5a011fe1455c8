resource "aws_iam_policy" "there" {
  name   = "moved"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "*" }] })
}

moved {
  from = aws_iam_policy.here
  to   = aws_iam_policy.there
}

import {
  to = aws_iam_policy.imported
  id = "arn:aws:iam::123456789012:policy/imported"
}

resource "aws_iam_policy" "imported" {
  name   = "imported"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "*" }] })
}
