variable "secret" {
  default   = "hunter3"
  sensitive = true
}

resource "aws_iam_role" "inline" {
  name               = "inline"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["sts:AssumeRole"], Principal = { Service = "pods.eks.amazonaws.com" } }] })

  inline_policy {
    name   = "kept"
    policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "*" }] })
  }

  inline_policy {
    name   = "new"
    policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:AssignPrivateIpAddresses", Resource = "*" }] })
  }
}

resource "aws_iam_role" "hidden" {
  name               = "hidden"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "hidden" {
  name   = "hidden"
  role   = aws_iam_role.hidden.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::${var.secret}/*" }] })
}
