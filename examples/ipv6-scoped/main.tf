# The policy of one IPv6 cluster, derived by vpc-cni-iam: upstream does not publish one.

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

module "vpc_cni_policy" {
  source = "./policy"

  cluster_name = var.cluster_name
  vpc_id       = var.vpc_id
  partition    = var.partition
  region       = var.region
  account_id   = var.account_id
}

resource "aws_iam_policy" "vpc_cni" {
  name_prefix = "vpc-cni-"
  description = "Permissions of the Amazon VPC CNI plugin"
  policy      = module.vpc_cni_policy.ipv6_scoped_json
}

output "policy_arn" {
  description = "ARN of the policy, for the role of kube-system/aws-node."
  value       = aws_iam_policy.vpc_cni.arn
}

output "kubectl_command" {
  description = "For a self-managed plugin: run this before the policy is attached."
  value       = module.vpc_cni_policy.kubectl_command
}
