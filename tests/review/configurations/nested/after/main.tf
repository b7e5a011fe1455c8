module "vpc_cni_irsa" {
  source   = "./irsa"
  for_each = { "blue.eu" = "aws-node", "green" = "aws-*" }

  role_name           = "cni-${each.key}"
  service_account     = each.value
  attach_cni_policy   = true
  additional_policies = { registry = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly" }
}
