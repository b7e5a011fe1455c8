resource "aws_iam_policy" "here" {
  name   = "moved"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "*" }] })
}
