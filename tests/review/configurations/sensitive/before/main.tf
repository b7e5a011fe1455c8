# Every value that starts with hunter2 is sensitive; the provider repeats it where no mark follows.
variable "account" {
  type      = string
  sensitive = true
  default   = "hunter2-account"
}

variable "team" {
  type      = string
  sensitive = true
  default   = "hunter2-team"
}

locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
  actions = ["s3:GetObject"]
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = local.actions
    resources = ["arn:aws:s3:::${var.account}/*"]
  }
}

resource "aws_iam_policy" "document" {
  name   = "document"
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_iam_policy" "encoded" {
  name = "encoded"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = local.actions
      Resource = "arn:aws:s3:::${sensitive("hunter2-function")}"
    }]
  })
}

resource "aws_iam_policy" "named" {
  name = var.team
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.actions, Resource = "*" }]
  })
}

resource "aws_iam_role" "kept" {
  name               = "kept-${var.team}"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "inline" {
  name = "inline"
  role = aws_iam_role.kept.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.actions, Resource = "arn:aws:s3:::${var.account}" }]
  })
}

resource "aws_iam_role_policy_attachment" "named" {
  role       = aws_iam_role.kept.name
  policy_arn = aws_iam_policy.named.arn
}

resource "aws_iam_role" "gone" {
  name               = "gone-${var.team}"
  assume_role_policy = local.trust

  inline_policy {
    name = "of-${var.team}"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::${var.account}" }]
    })
  }
}

module "child" {
  source  = "./child"
  bucket  = "hunter2-constant"
  actions = local.actions
}
