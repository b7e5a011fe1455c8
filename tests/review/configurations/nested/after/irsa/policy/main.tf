variable "name" {}

data "aws_iam_policy_document" "vpc_cni" {
  statement {
    sid       = "IPV4"
    actions   = ["ec2:AssignPrivateIpAddresses", "ec2:DescribeInstances"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "vpc_cni" {
  name   = var.name
  policy = data.aws_iam_policy_document.vpc_cni.json
}

output "arn" {
  value = aws_iam_policy.vpc_cni.arn
}
