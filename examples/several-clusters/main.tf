# A scoped role for each of several clusters, with for_each on the module.

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

variable "clusters" {
  description = "VPC and OIDC provider of each cluster, by the cluster's name."

  type = map(object({
    vpc_id            = string
    oidc_provider_arn = string
  }))

  default = {
    blue = {
      vpc_id            = "vpc-0123456789abcdef0"
      oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/BLUE"
    }
    green = {
      vpc_id            = "vpc-0fedcba9876543210"
      oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/GREEN"
    }
  }
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
  source   = "../modules/vpc-cni-iam-role"
  for_each = var.clusters

  variant           = "ipv4-scoped"
  cluster_name      = each.key
  vpc_id            = each.value.vpc_id
  oidc_provider_arn = each.value.oidc_provider_arn
  role_name         = "vpc-cni-${each.key}"
  policy_name       = "vpc-cni-${each.key}"
  partition         = var.partition
  region            = var.region
  account_id        = var.account_id
}

output "role_arns" {
  description = "ARN of each cluster's role, by the cluster's name."
  value       = { for name, role in module.vpc_cni_role : name => role.role_arn }
}
