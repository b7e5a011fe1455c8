# The EKS add-on with the role, for IRSA or Pod Identity. It needs a newer AWS provider than the
# project's tests can run, so it was not planned. Its arguments are checked against the schema of
# provider 6.62.0.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.29"
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
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's IAM OIDC provider; null to use Pod Identity."
  type        = string
  default     = null
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
  pod_identity      = var.oidc_provider_arn == null
  partition         = var.partition
  region            = var.region
  account_id        = var.account_id
}

resource "aws_eks_addon" "vpc_cni" {
  cluster_name             = var.cluster_name
  addon_name               = "vpc-cni"
  service_account_role_arn = var.oidc_provider_arn == null ? null : module.vpc_cni_role.service_account_role_arn
}

resource "aws_eks_pod_identity_association" "vpc_cni" {
  count = var.oidc_provider_arn == null ? 1 : 0

  cluster_name    = var.cluster_name
  namespace       = "kube-system"
  service_account = "aws-node"
  role_arn        = module.vpc_cni_role.role_arn
}
