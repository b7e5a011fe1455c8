# The role of an IPv4 cluster, for IRSA.

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

variable "oidc_provider_arn" {
  description = "ARN of the cluster's IAM OIDC provider."
  type        = string
  default     = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
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

module "vpc_cni_role" {
  source = "../modules/vpc-cni-iam-role"

  variant           = "ipv4"
  oidc_provider_arn = var.oidc_provider_arn
  partition         = var.partition
  region            = var.region
  account_id        = var.account_id
}

output "role_arn" {
  description = "ARN of the role, for the service account kube-system/aws-node."
  value       = module.vpc_cni_role.role_arn
}
