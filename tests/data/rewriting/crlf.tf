resource "aws_iam_group" "g" { name = "${local.prefix}-g" }

resource "aws_iam_group_policy" "g" {
  group  = aws_iam_group.g.name
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "a:b", Resource = "*" } })
} # no end