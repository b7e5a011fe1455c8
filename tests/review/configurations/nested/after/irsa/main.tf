variable "role_name" {}
variable "service_account" {}
variable "attach_cni_policy" {}
variable "additional_policies" {}

locals {
  provider = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::123456789012:oidc-provider/${local.provider}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.provider}:sub"
      values   = ["system:serviceaccount:kube-system:${var.service_account}"]
    }
  }
}

resource "aws_iam_role" "this" {
  count              = 1
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

module "policy" {
  source = "./policy"
  count  = var.attach_cni_policy ? 1 : 0
  name   = "${var.role_name}-policy"
}

resource "aws_iam_role_policy_attachment" "vpc_cni" {
  count      = var.attach_cni_policy ? 1 : 0
  role       = aws_iam_role.this[0].name
  policy_arn = module.policy[0].arn
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each   = var.additional_policies
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}
