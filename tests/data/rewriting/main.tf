# Storage of the access logs, and who may read them.   { not a block
variable "readers" {
  description = "ARNs of roles that may read \"logs\"."
  type        = list(string)
  default     = ["arn:aws:iam::123456789012:root"]
}

locals {
  prefix = "app-${var.suffix}"   // used everywhere
}

variable "suffix" { default = "x" }
data "aws_caller_identity" "current" {}

resource "aws_s3_bucket" "logs" {
  bucket        = "${local.prefix}-logs"
  force_destroy = true
}
resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id

  policy = <<POLICY
{
  "Version": "2012-10-17",
  "Id": "logs",
  "Statement": [
    {
      "Sid": "Read \"logs\" \\ $${aws:username}",
      "Effect": "Allow",
      "Principal": {"AWS": ${jsonencode(var.readers)}},
      "Action": ["s3:GetObject", "s3:ListBucket"],
      "Resource": ["${aws_s3_bucket.logs.arn}", "${aws_s3_bucket.logs.arn}/$${aws:PrincipalTag/team, 'none'}/*"]
    },
    {
      "Effect": "Deny", "Principal": "*", "Action": "s3:*",
      "Resource": "${aws_s3_bucket.logs.arn}/*",
      "Condition": {"Bool": {"aws:SecureTransport": "false"}}
    }
  ]
}
POLICY
}

/* The role of the pods.
   It was written by hand: { } */
resource "aws_iam_role" "pods" {
  name = "${local.prefix}-pods" # renamed once
	assume_role_policy = jsonencode({ # tabs before this line
    Version = "2012-10-17"
    Statement = [
      # Pods of the cluster, by Pod Identity.
      {
        Effect    = "Allow"
        Principal = { Service = "pods.eks.amazonaws.com" }
        Action    = ["sts:AssumeRole", "sts:TagSession"] // both are needed
      },
      {
        Effect : "Allow", "Principal" : { "AWS" : var.readers }, "Action" : "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
          Bool         = { "aws:MultiFactorAuthPresent" = "true" }
        }
      }
      # { Effect = "Deny" }
    ]
  }) # the end
}

resource "aws_sqs_queue" "jobs" {
  for_each = toset(["a", "b"])
  name     = "${local.prefix}-${each.key}"
}

resource "aws_sqs_queue_policy" "jobs" {
  for_each  = aws_sqs_queue.jobs
  queue_url = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = each.value.arn, Condition = { ArnLike = { "aws:SourceArn" = "${aws_s3_bucket.logs.arn}" } } }]
  })
}

resource "aws_sns_topic" "alarms" {
  name = "${local.prefix}-alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  count  = 2 > 1 ? 1 : 0
  arn    = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "x${count.index}", Effect = "Allow", Principal = { AWS = "*" }, Action = ["sns:Publish"], Resource = aws_sns_topic.alarms.arn }]
  })
}

resource "aws_kms_key" "logs" {
  description = "}"
  policy      = jsonencode({
    Version = "2012-10-17", Id = "key"
    Statement = [
      {
        Sid = "Root", Effect = "Allow", Action = "kms:*", Resource = "*"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      }
    ]
  })
}

resource "aws_iam_policy" "old" {
  name   = "${local.prefix}-old"
  policy = <<-EOF
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "NotAction": ["iam:*"],
          "NotResource": "arn:aws:s3:::${lower("SECRET")}-$${aws:username}"
        }
      ]
    }
  EOF
  tags = {
    note = "jsonencode({})"
  }
}

resource "aws_iam_user" "u" { name = "${local.prefix}-u" }

resource "aws_iam_user_policy" "u" {
  user   = aws_iam_user.u.name
  policy = data.aws_iam_policy_document.logs.json
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.logs.arn}/*"]
  }
}

# Dead letters.
resource "aws_sqs_queue" "dead" {
  name   = "${local.prefix}-dead"
  policy = jsonencode({ Version = "2008-10-17", Statement = { Effect = "Allow", Principal = { AWS = "arn:aws:iam::123456789012:root" }, Action = "sqs:*", Resource = "*" } })
}

resource "aws_ecr_repository" "app" {
  name = "${local.prefix}-app"
}

resource "aws_ecr_repository_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "pull", Effect = "Allow", Principal = { AWS = flatten([var.readers, "arn:aws:iam::123456789013:root"]) }, Action = [for a in ["BatchGetImage"] : "ecr:${a}"] }]
  })
}

resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = jsonencode({ rules = [{ rulePriority = 1, selection = { tagStatus = "untagged", countType = "imageCountMoreThan", countNumber = 3 }, action = { type = "expire" } }] })
}

resource "aws_secretsmanager_secret" "s" {
  name                    = "${local.prefix}-s"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_policy" "s" {
  secret_arn = aws_secretsmanager_secret.s.arn
  policy     = <<-EOF
  {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"},
    "Action": "secretsmanager:*", "Resource": "*"}]}
  EOF
}
