resource "aws_iam_policy" "cni" {
  name   = "drifted"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:AssignPrivateIpAddresses", Resource = "*" }] })
}

resource "aws_iam_policy" "other" {
  name   = "steady"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "*" }] })
}
