# The scoped role of one IPv4 cluster, which only this cluster can use, with EKS Pod Identity.

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

variable "eks_cluster_arn" {
  description = "ARN of the EKS cluster."
  type        = string
  default     = "arn:aws:eks:eu-west-1:111122223333:cluster/example"
}

module "vpc_cni_role" {
  source = "../modules/vpc-cni-iam-role"

  variant         = "ipv4-scoped"
  cluster_name    = var.cluster_name
  vpc_id          = var.vpc_id
  partition       = var.partition
  region          = var.region
  account_id      = var.account_id
  pod_identity    = true
  eks_cluster_arn = var.eks_cluster_arn
}

output "role_arn" {
  description = "ARN of the role, for the service account kube-system/aws-node."
  value       = module.vpc_cni_role.role_arn
}
