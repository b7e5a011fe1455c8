# A module that vpc-cni-iam manages in the repository, with your own statement beside it.

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

# Put your own statements here, not into generated files.
data "aws_iam_policy_document" "own" {
  statement {
    sid       = "NoTagsElsewhere"
    effect    = "Deny"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${var.partition}:ec2:*:*:instance/*"]
  }
}

module "vpc_cni_policy" {
  source = "./modules/vpc-cni-iam-policy"

  cluster_name = var.cluster_name
  vpc_id       = var.vpc_id
  partition    = var.partition
  region       = var.region
  account_id   = var.account_id

  source_policy_documents = [data.aws_iam_policy_document.own.json]
}

resource "aws_iam_policy" "vpc_cni" {
  name_prefix = "vpc-cni-"
  description = "Permissions of the Amazon VPC CNI plugin"
  policy      = module.vpc_cni_policy.ipv4_scoped_json
}
