# What looks as if the plan said it, and is more, or something else.

locals {
  trust = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_policy" "each" {
  for_each = { a = "GetObject", b = "PutObject" }

  name = each.key
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:${each.value}", Resource = "*" }]
  })
}

# A literal beside a reference.
resource "aws_iam_role" "list" {
  name                = "list"
  assume_role_policy  = local.trust
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess", aws_iam_policy.each["a"].arn]
}

resource "aws_iam_policy_attachment" "list" {
  name       = "list"
  roles      = ["literal", aws_iam_role.list.id]
  policy_arn = aws_iam_policy.each["a"].arn
}

# The keys are crossed.
resource "aws_iam_role_policy_attachment" "crossed" {
  for_each = { a = "b", b = "a" }

  role       = aws_iam_role.list.name
  policy_arn = aws_iam_policy.each[each.value].arn
}

resource "aws_iam_role_policy_attachment" "straight" {
  for_each = aws_iam_policy.each

  role       = aws_iam_role.list.name
  policy_arn = aws_iam_policy.each[each.key].arn
}

# One of two.
resource "aws_iam_role_policy_attachment" "either" {
  role       = aws_iam_role.list.name
  policy_arn = aws_iam_role.list.unique_id == "" ? aws_iam_policy.each["a"].arn : aws_iam_policy.each["b"].arn
}

# The plan sorts the blocks.
data "aws_iam_policy_document" "block" {
  for_each = toset(["alpha", "zeta"])

  statement {
    actions   = ["s3:${each.key}"]
    resources = [aws_iam_policy.each["a"].arn]
  }
}

resource "aws_iam_role" "blocks" {
  name               = "blocks"
  assume_role_policy = local.trust

  inline_policy {
    name   = "zeta"
    policy = data.aws_iam_policy_document.block["zeta"].json
  }

  inline_policy {
    name   = "alpha"
    policy = data.aws_iam_policy_document.block["alpha"].json
  }
}

# The plan does not show it.
resource "aws_iam_role" "dynamic" {
  name               = "dynamic"
  assume_role_policy = local.trust

  dynamic "inline_policy" {
    for_each = toset(split(",", aws_iam_policy.each["a"].arn))

    content {
      name   = "one"
      policy = local.trust
    }
  }
}
