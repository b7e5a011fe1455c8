locals {
  keys = toset(["old", "other"])
}

resource "aws_iam_role" "cni" {
  name               = "cni-chained"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_iam_policy" "p" {
  for_each = local.keys
  name     = "chained-${each.key}"
  policy   = file("${path.module}/policy.json")
}

resource "aws_iam_role_policy_attachment" "p" {
  for_each   = aws_iam_policy.p
  role       = aws_iam_role.cni.name
  policy_arn = each.value.arn
}
