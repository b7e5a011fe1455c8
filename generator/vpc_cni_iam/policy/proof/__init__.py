"""How `vpc_cni_iam.policy.access` proves: automata, implication, coverage, and witnesses."""
