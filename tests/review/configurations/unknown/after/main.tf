variable "action" {
  default = "iam:PassRole"
}

resource "aws_iam_role" "other" {
  name_prefix        = "other"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

data "aws_iam_policy_document" "known" {
  statement {
    actions   = ["ec2:DescribeTags"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "unknown" {
  source_policy_documents = [data.aws_iam_policy_document.known.json]

  statement {
    sid       = "Pass"
    actions   = [var.action, "iam:GetRole"]
    resources = [aws_iam_role.other.arn, "arn:aws:iam::123456789012:role/fixed"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = [aws_iam_role.other.unique_id]
    }
  }
}

resource "aws_iam_policy" "rebuilt" {
  name   = "rebuilt"
  policy = data.aws_iam_policy_document.unknown.json
}

resource "aws_iam_policy" "opaque" {
  name   = "opaque"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = aws_iam_role.other.arn }] })
}

module "attach" {
  source = "./attach"
  role   = aws_iam_role.other.name
  policy = aws_iam_policy.rebuilt.arn
}
