resource "aws_iam_policy" "cni" {
  name = "reordered"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "", Effect = "Allow", Action = ["ec2:DescribeTags", "ec2:AttachNetworkInterface"], Resource = "*" },
      { Effect = "Allow", Action = "ec2:CreateTags", Resource = ["arn:aws:ec2:*:*:network-interface/*"] },
    ]
  })
}
