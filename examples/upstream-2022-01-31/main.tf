# The policy of an IPv4 cluster, word for word as upstream published it on 2022-01-31: for older
# plugins only, generated with `vpc-cni-iam generate --revision 2022-01-31`.

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

module "vpc_cni_policy" {
  source = "../../modules/upstream-2022-01-31"
}

resource "aws_iam_policy" "vpc_cni" {
  name_prefix = "vpc-cni-"
  description = "Permissions of the Amazon VPC CNI plugin"
  policy      = module.vpc_cni_policy.ipv4_json
}

output "policy_arn" {
  description = "ARN of the policy, for the role of kube-system/aws-node."
  value       = aws_iam_policy.vpc_cni.arn
}
