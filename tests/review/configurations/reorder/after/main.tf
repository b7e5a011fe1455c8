resource "aws_iam_policy" "cni" {
  name = "reordered"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "ec2:CreateTags", Resource = "arn:aws:ec2:*:*:network-interface/*" },
      { Effect = "Allow", Action = ["ec2:AttachNetworkInterface", "ec2:DescribeTags", "ec2:DescribeTags"], Resource = "*" },
    ]
  })
}
