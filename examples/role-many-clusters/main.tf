# One role for many IPv4 clusters with EKS Pod Identity: the session tags limit each cluster to its
# own interfaces.

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
  source = "./role"

  source_account_id = var.account_id
  partition         = var.partition
  region            = var.region
  account_id        = var.account_id
}

output "role_arn" {
  description = "ARN of the role, for an association in each cluster."
  value       = module.vpc_cni_role.role_arn
}
