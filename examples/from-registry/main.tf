# The policy and the role from a module registry. Replace the host and the namespace with those of
# your `vpc-cni-iam publish`.

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

module "vpc_cni_role" {
  source  = "registry.example.com/example/vpc-cni-iam/aws//modules/role"
  version = "~> 1.0"

  variant      = "ipv4"
  pod_identity = true
}

module "vpc_cni_policy" {
  source  = "registry.example.com/example/vpc-cni-iam/aws"
  version = "~> 1.0"
}

output "role_arn" {
  description = "ARN of the role, for the service account kube-system/aws-node."
  value       = module.vpc_cni_role.role_arn
}

output "ipv6_policy" {
  description = "The policy of an IPv6 cluster, as JSON."
  value       = module.vpc_cni_policy.ipv6_json
}
