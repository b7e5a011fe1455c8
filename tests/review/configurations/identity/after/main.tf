resource "aws_iam_role" "gone" {
  name = "gone-identity"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/GONE" }
      Condition = {
        StringEquals = {
          "oidc.eks.us-east-1.amazonaws.com/id/GONE:aud" = "sts.amazonaws.com"
          "oidc.eks.us-east-1.amazonaws.com/id/GONE:sub" = "system:serviceaccount:kube-system:aws-node"
        }
      }
    }]
  })
}

resource "aws_iam_role" "client" {
  name = "client-identity"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/CLIENT" }
      Condition = {
        StringEquals = {
          "oidc.eks.us-east-1.amazonaws.com/id/CLIENT:aud" = "sts.amazonaws.com"
          "oidc.eks.us-east-1.amazonaws.com/id/CLIENT:sub" = "system:serviceaccount:kube-system:aws-node"
        }
      }
    }]
  })
}

resource "aws_iam_role" "one" {
  name               = "one-identity"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_iam_role" "two" {
  name               = "two-identity"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "two" {
  name   = "two"
  role   = aws_iam_role.two.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}

resource "aws_iam_openid_connect_provider" "client" {
  url             = "https://oidc.eks.us-east-1.amazonaws.com/id/CLIENT"
  client_id_list  = ["example.com"]
  thumbprint_list = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
}

resource "aws_iam_instance_profile" "nodes" {
  name = "nodes-identity"
  role = aws_iam_role.two.name
}
