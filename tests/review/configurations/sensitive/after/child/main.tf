variable "actions" {
  type = list(string)
}

variable "bucket" {
  type      = string
  sensitive = true
}

variable "prefix" {
  type      = string
  sensitive = true
  default   = "hunter2-default"
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = var.actions
    resources = ["arn:aws:s3:::${var.bucket}/*"]

    condition {
      test     = "StringEquals"
      variable = "s3:prefix"
      values   = [var.prefix]
    }
  }
}

resource "aws_iam_policy" "child" {
  name   = "child"
  policy = data.aws_iam_policy_document.bucket.json
}
