# A module that vpc-cni-iam keeps in the repository, with a statement of one's own beside it.

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

# The supported home of statements of one's own: no generated file is edited.
data "aws_iam_policy_document" "own" {
  statement {
    sid       = "NoTagsElsewhere"
    effect    = "Deny"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:aws:ec2:*:*:instance/*"]
  }
}

module "vpc_cni_policy" {
  source = "./modules/vpc-cni-iam-policy"

  source_policy_documents = [data.aws_iam_policy_document.own.json]
}

resource "aws_iam_policy" "vpc_cni" {
  name_prefix = "vpc-cni-"
  description = "Permissions of the Amazon VPC CNI plugin"
  policy      = module.vpc_cni_policy.ipv4_json
}
