# From AmazonEKS_CNI_Policy on the node role to the scoped policy on the plugin's own role, one
# applied step at a time. README.md says what to check before each step.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "AWS Region to plan in."
  type        = string
  default     = "eu-west-1"
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
  default     = "example"
}

variable "vpc_id" {
  description = "ID of the cluster's VPC."
  type        = string
  default     = "vpc-0123456789abcdef0"
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's IAM OIDC provider."
  type        = string
  default     = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
}

variable "step" {
  description = "The step to apply, 1 to 4."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3, 4], var.step)
    error_message = "The step must be 1, 2, 3 or 4."
  }
}

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name_prefix        = "node-"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

# Until step 4 detaches it, the managed policy allows more than the scoped policy.
resource "aws_iam_role_policy_attachment" "node" {
  count = var.step < 4 ? 1 : 0

  role       = aws_iam_role.node.name
  policy_arn = "arn:${var.partition}:iam::aws:policy/AmazonEKS_CNI_Policy"
}

variable "partition" {
  description = "AWS partition of the account."
  type        = string
  default     = "aws"
}

variable "account_id" {
  description = "AWS account ID of the nodes."
  type        = string
  default     = "111122223333"
}

# Step 2 gives the plugin its own role with the same policy; step 3 scopes the policy.
module "vpc_cni_role" {
  source = "../modules/vpc-cni-iam-role"
  count  = var.step > 1 ? 1 : 0

  variant                = var.step > 2 ? "ipv4-scoped" : "ipv4"
  use_aws_managed_policy = var.step == 2
  cluster_name           = var.cluster_name
  vpc_id                 = var.vpc_id
  oidc_provider_arn      = var.oidc_provider_arn
  partition              = var.partition
  region                 = var.region
  account_id             = var.account_id
}
